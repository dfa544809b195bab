import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openCheckpoint } from '../checkpoint/index.ts'
import { R1Error } from '../errors.ts'
import { loadTokenizer } from '../text/index.ts'
import type { Stage, StageContext } from '../train/stages/stage.ts'
import { parseRecipe } from './recipe.ts'
import { planRecipe, runRecipe } from './run.ts'

let folder: string
let ran: string[]
let failing: string | undefined

const step: Stage<z.ZodObject<{ label: z.ZodString }>> = {
  name: 'step',
  summary: 'Notes that it ran.',
  options: z.strictObject({ label: z.string() }),
  plan: async () => ({ parameters: 1, steps: 2, tokens: 3, operations: 4, memory: 5 }),
  async run({ label }, context: StageContext) {
    ran.push(`${label} from ${context.parent.slice(folder.length + 1)}`)
    if (failing === label) throw new R1Error('disk-full', 'No room is left.')
    await context.report({ step: 1, loss: 2 })
    return { checkpoint: join(context.folder, 'checkpoint'), metrics: { loss: 2 }, data: {} }
  },
}

const recipeOf = (labels: readonly string[]) =>
  parseRecipe(
    `name: three\nmodel: { family: r1, layers: 1, positions: 64 }\nstages:\n${labels.map((label) => `  - step: { label: ${label} }\n`).join('')}`,
    join(folder, 'recipe.yaml'),
    [step as unknown as Stage],
  )

async function run(labels: readonly string[], options: { resume?: boolean; only?: string } = {}): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of runRecipe(recipeOf(labels), { runs: join(folder, 'runs'), ...options })) names.push(name)
  return names
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-recipe-'))
  ran = []
  failing = undefined
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('runRecipe', () => {
  it('hands each stage the checkpoint of the one before', async () => {
    expect(await run(['a', 'b'])).toEqual(['01-step', '02-step'])
    expect(ran).toEqual(['a from runs/three/00-model/checkpoint', 'b from runs/three/01-step/checkpoint'])
    const file = JSON.parse(await readFile(join(folder, 'runs/three/02-step/run.json'), 'utf8'))
    expect(file).toMatchObject({ status: 'done', seed: 1, options: { label: 'b' }, result: { metrics: { loss: 2 } } })
  })

  it('goes on from an earlier stage, and with a seed of its own, where that is wanted', async () => {
    const lines = [
      '{ label: a }',
      '{ label: b }',
      '{ label: c }\n    from: 1\n    seed: 9',
      '{ label: d }\n    from: model',
    ]
    const text = `name: three\nmodel: { family: r1, layers: 1, positions: 64 }\nstages:\n${lines.map((line) => `  - step: ${line}\n`).join('')}`
    const recipe = parseRecipe(text, join(folder, 'recipe.yaml'), [step as unknown as Stage])
    for await (const _ of runRecipe(recipe, { runs: join(folder, 'runs') }));
    expect(ran.map((line) => line.replace('runs/three/', '').replace('/checkpoint', ''))).toEqual([
      'a from 00-model',
      'b from 01-step',
      'c from 01-step',
      'd from 00-model',
    ])
    const seedOf = async (name: string) =>
      JSON.parse(await readFile(join(folder, 'runs/three', name, 'run.json'), 'utf8')).seed
    expect([await seedOf('02-step'), await seedOf('03-step')]).toEqual([1, 9])
  })

  it('begins with a checkpoint that loads, the same for the same seed', async () => {
    await run(['a'])
    const path = join(folder, 'runs/three/00-model/checkpoint')
    await using checkpoint = await openCheckpoint(path)
    expect(checkpoint.config.model_type).toBe('llama')
    const tokenizer = await loadTokenizer(path)
    const text = 'naïve 字 <think>'
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    const bytes = await readFile(join(path, 'model.safetensors'))
    await rm(join(folder, 'runs'), { recursive: true })
    await run(['a'])
    expect(await readFile(join(path, 'model.safetensors'))).toEqual(bytes)
  })

  it('goes on after a failure with what is left, and never runs twice what is done', async () => {
    failing = 'b'
    await expect(run(['a', 'b', 'c'])).rejects.toMatchObject({ code: 'disk-full', message: /line 5, step: No room/ })
    await expect(run(['a', 'b', 'c'])).rejects.toMatchObject({ code: 'run-exists', remedy: /--resume/ })
    failing = undefined
    ran = []
    expect(await run(['a', 'b', 'c'], { resume: true })).toEqual(['02-step', '03-step'])
    expect(ran.map((line) => line[0])).toEqual(['b', 'c'])
    expect(await run(['a', 'b', 'c'], { resume: true })).toEqual([])
  })

  it('refuses to go on with other options for what has begun', async () => {
    await run(['a', 'b'])
    await expect(run(['x', 'b'], { resume: true })).rejects.toMatchObject({ code: 'recipe-changed', message: /line 4/ })
  })

  it('runs one stage alone when those before it are done', async () => {
    await expect(run(['a', 'b'], { only: '2' })).rejects.toMatchObject({ code: 'stage-missing' })
    expect(await run(['a', 'b'], { only: '01-step' })).toEqual(['01-step'])
    expect(await run(['a', 'b'], { only: '2' })).toEqual(['02-step'])
    await expect(run(['a', 'b'], { only: 'step' })).rejects.toMatchObject({ message: /more than one stage 'step'/ })
  })

  it('says where a model to begin with is missing, before anything runs', async () => {
    const text = 'name: lost\nmodel: { from: ./nowhere }\nstages:\n  - step: { label: a }\n'
    await writeFile(join(folder, 'lost.yaml'), text)
    const recipe = parseRecipe(text, join(folder, 'lost.yaml'), [step as unknown as Stage])
    await expect(planRecipe(recipe, { runs: join(folder, 'runs') })).rejects.toMatchObject({ code: 'file-not-found' })
    expect(ran).toEqual([])
  })
})
