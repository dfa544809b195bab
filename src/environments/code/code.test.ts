import { describe, expect, it } from 'vitest'
import type { Example, RewardParts } from '../environment.ts'
import { loadEnvironment } from '../load.ts'
import { score } from '../score.ts'
import { expectConsistent, take } from '../testing/consistency.ts'

describe('code', () => {
  it.each([{ milliseconds: 30_000 }, { language: 'zh', form: 'chat', milliseconds: 30_000 }])(
    'keeps the promises of environments with %j',
    async (options) => {
      await expectConsistent(await loadEnvironment('code', { options }), 40)
    },
  )

  it('rewards what passes every hidden test, and part of it where asked', async () => {
    const data = {
      functionName: 'f',
      tests: [
        { arguments: [[1, 2]], expected: 3 },
        { arguments: [[]], expected: 0 },
      ],
    }
    const rewardOf = async (completion: string, partial = 0) => {
      const environment = await loadEnvironment('code', { options: { partial, milliseconds: 5000 } })
      const example = { prompt: '', ...data } as Example
      return (await score(environment, { prompt: '', completion, tokens: [], example })) as RewardParts
    }
    const right = 'const f = (list: number[]): number => list.reduce((a, b) => a + b, 0)'
    expect(await rewardOf(`<think>hm</think>Here:\n\`\`\`ts\n${right}\n\`\`\``)).toMatchObject({ reward: 1 })
    expect(await rewardOf(right)).toMatchObject({ reward: 1, parts: { compiles: 1, passed: 1 } })
    const half = 'const f = (list) => list.length > 0 ? list[0] + list[1] : null'
    expect(await rewardOf(half)).toMatchObject({ reward: 0, parts: { passed: 0.5 } })
    expect(await rewardOf(half, 0.4)).toMatchObject({ reward: 0.2 })
    expect(await rewardOf('function f(list) { for (;;); }')).toMatchObject({ reward: 0, parts: { compiles: 1 } })
    expect(await rewardOf('no code at all')).toMatchObject({ reward: 0, parts: { compiles: 0 } })
    expect(await rewardOf('<think>function f() {')).toMatchObject({ reward: 0, parts: { compiles: 0 } })
  })

  it('asks for many different functions', async () => {
    const environment = await loadEnvironment('code')
    const keys = (await take(500, environment.examples('train', 1))).map(({ key }) => key)
    expect(new Set(keys).size).toBeGreaterThan(200)
  })
})
