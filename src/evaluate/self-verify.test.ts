import { describe, expect, it } from 'vitest'
import { selfVerify } from './self-verify.ts'
import type { Writer } from './tasks/run-task.ts'

const right = { reasoning: '3x=9\nx=3', text: 'x=3' }
const slip = { reasoning: '3x=8\nx=3', text: 'x=3' }
const astray = { reasoning: '3x=9\nx=3', text: 'x=4' }

/** Writes given texts, one after another. */
function writerOf(texts: readonly { reasoning: string; text: string }[]) {
  const asked: { n: number; temperature: number | undefined }[] = []
  let next = 0
  const generate = async (_prompt: unknown, { n = 1, temperature }: { n?: number; temperature?: number } = {}) => {
    asked.push({ n, temperature })
    next += n
    return { choices: texts.slice(next - n, next) }
  }
  return { writer: { generate } as unknown as Writer, asked }
}

describe('selfVerify', () => {
  it('writes again until every step follows and the answer is where they lead', async () => {
    const { writer, asked } = writerOf([slip, astray, right, right])
    const found = await selfVerify(writer, '3x+2=11', 'Solve 3x+2=11.\n')
    expect(found).toMatchObject({ answer: '3', sound: true, steps: 2, wrongSteps: 0 })
    expect(found.texts.map(({ sound }) => sound)).toEqual([false, false, true])
    expect(found.texts[0]?.wrongSteps).toBeGreaterThan(0)
    expect(asked.map(({ temperature }) => temperature)).toEqual([0, 1, 1])
  })

  it('takes the best of several, or of what it has when the tries are used up', async () => {
    const options = { mode: 'choose', samples: 3 } as const
    const chosen = await selfVerify(writerOf([slip, right, astray]).writer, '3x+2=11', '', options)
    expect(chosen.completion).toContain('3x=9\nx=3</think>x=3')
    const tired = await selfVerify(writerOf([slip, astray]).writer, '3x+2=11', '', { samples: 2 })
    expect(tired).toMatchObject({ sound: false, wrongSteps: 0, answer: '4' })
  })

  it('refuses what is no equation', async () => {
    const { writer } = writerOf([])
    await expect(selfVerify(writer, 'hello', '')).rejects.toMatchObject({ code: 'bad-equation' })
    await expect(selfVerify(writer, '3x=9', '', { samples: 0 })).rejects.toMatchObject({ code: 'bad-option' })
  })
})
