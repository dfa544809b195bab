import { describe, expect, it } from 'vitest'
import { loadEnvironment } from '../load.ts'
import { score } from '../score.ts'
import { take } from '../testing/consistency.ts'
import { type HumanEvalProblem, humanEvalCode, readHumanEval } from './humaneval.ts'

describe('humaneval-js-147', () => {
  it('has as many problems as its name says, each once, and none to learn from', async () => {
    const environment = await loadEnvironment('humaneval-js-147')
    const keys = (await take(1000, environment.examples('held-out', 1))).map(({ key }) => key)
    expect(new Set(keys).size).toBe(147)
    expect(keys).toHaveLength(147)
    expect(await take(1, environment.examples('train', 1))).toEqual([])
  })

  it.each(['text', 'chat'])('is solved by its reference solutions, and by no empty function, as %s', async (form) => {
    const environment = await loadEnvironment('humaneval-js-147', { options: { form, milliseconds: 20_000 } })
    for (const example of await take(1000, environment.examples('held-out', 1))) {
      const { problem } = example as unknown as { problem: HumanEvalProblem }
      const rewardOf = async (completion: string) =>
        (await score(environment, { prompt: example.prompt, completion, tokens: [], example })).reward
      // As a model goes on after the head, or answers with all of it.
      const body = problem.solution.slice(problem.solution.indexOf('\n') + 1)
      const completion = form === 'text' ? `${body}\nconsole.log(1)\n` : `Here:\n\`\`\`js\n${problem.solution}\`\`\`\n`
      expect([problem.id, await rewardOf(completion)]).toEqual([problem.id, 1])
      expect([problem.id, await rewardOf('}\n')]).toEqual([problem.id, 0])
    }
  })

  it('has prompts and tests in JavaScript', async () => {
    for (const { id, name, prompt, tests } of await readHumanEval()) {
      expect([id, prompt]).toEqual([id, expect.stringContaining(`function ${name}(`)])
      expect([id, prompt]).toEqual([id, expect.not.stringMatching(/\b(True|False|None|tuple)\b/)])
      expect(tests.length).toBeGreaterThan(0)
    }
  })
})

describe('humanEvalCode', () => {
  const problem = { name: 'f', prompt: 'function f(a) {\n' }

  it.each([
    ['  return a\n}\n\nf(2)', 'function f(a) {\n  return a\n}'],
    ['  if (a) {\n    return 1\n  }\n  return 2', 'function f(a) {\n  if (a) {\n    return 1\n  }\n  return 2\n}'],
    ['<think>hm</think>```js\nconst f = (a) => a\n```', 'const f = (a) => a\n'],
    ['function f(a) { return 3 }', 'function f(a) { return 3 }'],
  ])('of %j', (completion, code) => {
    expect(humanEvalCode(problem, completion)).toBe(code)
  })
})
