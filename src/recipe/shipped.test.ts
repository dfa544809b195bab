import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/index.ts'
import { parseRecipe, stageName } from './recipe.ts'
import { type FinishedStage, planRecipe, runRecipe } from './run.ts'
import { stages } from './stages.ts'

const recipes = fileURLToPath(new URL('../../recipes', import.meta.url))
const names = (await readdir(recipes)).filter((name) => name.endsWith('.yaml'))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-recipes-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('recipes of the repository', () => {
  it.each(names)('%s names what is there', async (name) => {
    const file = join(recipes, name)
    const text = await readFile(file, 'utf8')
    const recipe = parseRecipe(text, file, stages)
    const made = [...text.matchAll(/ \.\.\/runs\/([\w-]+)\/([\w-]+)\/checkpoint\b/g)]
    if (made.length > 0) {
      for (const [, other, stage] of made) {
        const path = join(recipes, `${other}.yaml`)
        const { stages: others } = parseRecipe(await readFile(path, 'utf8'), path, stages)
        expect(others.map(({ stage }, index) => stageName(stage, index))).toContain(stage)
      }
      // It is not there before that other recipe has run.
      const alone = { ...recipe, file: join(folder, 'recipes', name) }
      await expect(planRecipe(alone, { runs: folder })).rejects.toMatchObject({ code: 'file-not-found' })
      return
    }
    const planned = await planRecipe(recipe, { runs: folder })
    for (const { plan } of planned) expect(plan.parameters).toBeLessThan(12e6)
  })

  it('countdown-small.yaml, made smaller still, runs from nothing to a quantised student', async () => {
    const file = join(recipes, 'countdown-small.yaml')
    const text = (await readFile(file, 'utf8'))
      .replace(/tokens: \d+k/g, 'steps: 3')
      .replace(/batch: \d+/g, 'batch: 4')
      .replace('hidden: 128', 'hidden: 64')
      .replace(/steps: 16\n/, 'steps: 2\n')
      .replace(/questions: 16\n\s+group: 16/, 'questions: 2\n      group: 4')
      .replace(/limit: 128\n\s+samples: 4/, 'limit: 4\n      samples: 2')
      .replace('problems: 64', 'problems: 2')
      // A model that has hardly learnt solves nothing: its teacher's texts are taken as they are.
      .replace('problems: 256', 'problems: 8\n        threshold: 0')
    const recipe = parseRecipe(text, file, stages)
    const finished: FinishedStage[] = []
    for await (const stage of runRecipe(recipe, { runs: join(folder, 'run') })) finished.push(stage)
    expect(finished.map(({ name }) => name.slice(3))).toEqual(
      'pretrain sft evaluate grpo evaluate distill evaluate quantize evaluate'.split(' '),
    )
    const [teacher, student, quantised] = await Promise.all(
      [3, 5, 7].map((index) => openCheckpoint((finished[index] as FinishedStage).checkpoint)),
    )
    expect([teacher?.config.num_hidden_layers, student?.config.num_hidden_layers]).toEqual([3, 1])
    expect(quantised?.format).toBe('gguf')
    for (const checkpoint of [teacher, student, quantised]) await checkpoint?.close()
    expect(finished.at(-1)?.metrics).toHaveProperty('countdown/accuracy')
  })
})
