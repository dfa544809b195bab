import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Stage } from '../train/stages/stage.ts'
import { nearest } from './nearest.ts'
import { parseRecipe } from './recipe.ts'

const sleep: Stage = {
  name: 'sleep',
  summary: 'Waits.',
  options: z.strictObject({
    hours: z.number().positive().default(8),
    bed: z.strictObject({ width: z.number().optional(), soft: z.boolean().default(true) }).prefault({}),
  }),
  plan: async () => ({ parameters: 0, steps: 0, tokens: 0, operations: 0, memory: 0 }),
  run: async (_, { parent }) => ({ checkpoint: parent, metrics: {}, data: {} }),
}

const head = 'name: night\nseed: 3\nmodel: { family: r1, layers: 2 }\n'
const parse = (text: string) => parseRecipe(text, 'night.yaml', [sleep])

describe('parseRecipe', () => {
  it('fills in defaults and keeps the line of each stage', () => {
    const recipe = parse(`${head}stages:\n  - sleep: { hours: 2 }\n  - sleep:\n`)
    expect(recipe).toMatchObject({ name: 'night', seed: 3, model: { family: 'r1', layers: 2, tokenizer: 'bytes' } })
    expect(recipe.stages.map(({ options, line }) => [options, line])).toEqual([
      [{ hours: 2, bed: { soft: true } }, 5],
      [{ hours: 8, bed: { soft: true } }, 6],
    ])
  })

  it('knows which stage another goes on from, and its seed', () => {
    const { stages } = parse(
      `${head}stages:\n  - sleep:\n  - sleep:\n    seed: 5\n  - sleep:\n    from: 1\n  - sleep:\n    from: 02-sleep\n  - { sleep: {}, from: model }\n`,
    )
    expect(stages.map(({ from }) => from)).toEqual([undefined, undefined, 0, 1, 'model'])
    expect(stages.map(({ seed }) => seed)).toEqual([undefined, 5, undefined, undefined, undefined])
  })

  it.each([
    [
      'a key that is mistyped',
      `${head}stages:\n  - sleep:\n      huors: 2\n`,
      /line 6: 'huors' is no key of stages\.0\.sleep\..*Did you mean 'hours'/,
    ],
    ['a key inside', `${head}stages:\n  - sleep:\n      bed: { sofd: true }\n`, /line 6: 'sofd'.*'soft'/],
    ['a wrong type', `${head}stages:\n  - sleep:\n      hours: long\n`, /line 6: stages\.0\.sleep\.hours: .*number/],
    ['an unknown stage', `${head}stages:\n  - sleeep: {}\n`, /line 5: there is no stage 'sleeep'.*'sleep'/],
    ['two stages in one', `${head}stages:\n  - { sleep: {}, wake: {} }\n`, /line 5: a stage has one name/],
    ['a stage to go on from that comes later', `${head}stages:\n  - sleep: {}\n    from: 2\n`, /line 6: .*'2'.*model/],
    [
      'a stage to go on from that could be two',
      `${head}stages: [sleep: {}, sleep: {}, { sleep: {}, from: sleep }]\n`,
      /line 4: there is more than one stage 'sleep'.*01-sleep, 02-sleep/,
    ],
    ['a seed that is none', `${head}stages:\n  - sleep: {}\n    seed: x\n`, /line 6: stages\.0\.seed/],
    ['no stage', `${head}stages: []\n`, /line 4: stages: must hold a stage/],
    ['broken YAML', 'name: night\nmodel: { family: r1\n', /line \d+: /],
    ['a key given twice', `${head}name: day\nstages: [sleep: {}]\n`, /line 4: Map keys must be unique/],
    ['a model that is nothing', 'name: night\nmodel: {}\nstages: [sleep: {}]\n', /line 2: model: must name either/],
    ['a bad name', 'name: ../night\nmodel: { from: x }\nstages: [sleep: {}]\n', /line 1: name: must be a name/],
    ['what is no recipe', '- 1\n- 2\n', /line 1: a recipe: /],
  ])('says line, key and remedy for %s', (_, text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'bad-recipe', message: expect.stringMatching(message) }),
    )
  })

  it('survives aliases that blow up', () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(', ')}]`,
    )
    expect(() => parse(`l0: &l0 [1, 1]\n${levels.join('\n')}\n${head}stages: [sleep: {}]\n`)).toThrow(/alias|key/i)
  })
})

describe('nearest', () => {
  it('finds what a mistyped word means, and nothing for another word', () => {
    expect(nearest('learningrate', ['learningRate', 'steps'])).toBe('learningRate')
    expect(nearest('stps', ['learningRate', 'steps'])).toBe('steps')
    expect(nearest('colour', ['learningRate', 'steps'])).toBeUndefined()
  })
})
