import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../checkpoint/index.ts'
import { r1Model, saveModel } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import { saveTokenizer, trainBpe } from '../../text/index.ts'
import type { Stage, StageContext } from '../../train/stages/stage.ts'
import { grpo } from './grpo.ts'
import { ppo } from './ppo.ts'

let folder: string
let parent: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-rl-'))
  parent = join(folder, 'parent')
  const end = '<|endoftext|>'
  const json = await trainBpe([], { vocabularySize: 257, specialTokens: [end] })
  await saveTokenizer(parent, json, { eos: end, pad: end })
  const model = r1Model({ depth: 1, width: 64, positions: 64, vocabulary: 320 })
  using variables = new Variables(4)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  await saveModel(parent, { model, variables }, { lineage: { version: 1, parent: null, stage: 'new', seed: 4 } })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const settings = {
  environment: fileURLToPath(new URL('../testing/even.ts', import.meta.url)),
  ...{ steps: 6, questions: 4, group: 8, promptLength: 8, maxNewTokens: 12, rate: 1e-2, slots: 16, rows: 4 },
  measure: { every: 3, problems: 8, samples: 4 },
  guards: { window: 3 },
  ...{ samplesEvery: 2, saveEvery: 2 },
}

const lines = async (stage: string, file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(folder, stage, file), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Runs a stage in a folder of its own; `abortAt` stops it after a step. */
async function run(stage: Stage, name: string, changes: object = {}, { resume = false, abortAt = -1 } = {}) {
  const abort = new AbortController()
  const context: StageContext = {
    ...{ folder: join(folder, name), base: folder, parent, seed: 3, threads: 1, resume, signal: abort.signal },
    async report({ step }) {
      if (step === abortAt) abort.abort()
    },
  }
  await mkdir(context.folder, { recursive: true })
  const options = stage.options.parse({ ...settings, ...changes })
  await stage.plan(options, context)
  return stage.run(options, context)
}

/** A hash, because a test that fails would compare megabytes for minutes. */
const weights = async (name: string) =>
  createHash('sha256')
    .update(await readFile(join(folder, name, 'checkpoint', 'model.safetensors')))
    .digest('hex')

describe('an environment', () => {
  const write = async (name: string, examples: string, reward: string) => {
    const file = join(folder, `${name}.ts`)
    await writeFile(
      file,
      `export default { name: '${name}', *examples(split) { ${examples} }, reward() { ${reward} } }\n`,
    )
    return file
  }

  it('is refused where it has no question to learn from, or none to measure on', async () => {
    const none = await write('none', '', 'return 0')
    await expect(run(grpo, 'none', { environment: none })).rejects.toMatchObject({ code: 'no-data' })
    const unmeasured = await write('unmeasured', "if (split === 'train') yield { prompt: '1' }", 'return 0')
    await expect(run(grpo, 'unmeasured', { environment: unmeasured })).rejects.toThrow(/no held-out question.*measure/)
  })

  it('ends the run where no reward of a step could be had, and says why', async () => {
    const broken = await write('broken', "yield { prompt: '1' }", "throw new Error('no judge today')")
    const options = { environment: broken, measure: undefined }
    await expect(run(grpo, 'broken', options)).rejects.toThrow(/None of 32 completions got a reward: no judge today\./)
  })
})

describe('grpo', () => {
  it('writes a checkpoint, metrics, samples and curves', async () => {
    const { checkpoint, metrics } = await run(grpo, 'whole')
    expect(metrics.steps).toBe(6)
    await using opened = await openCheckpoint(checkpoint)
    expect(opened.tensors.size).toBeGreaterThan(0)
    const rows = await lines('whole', 'metrics.jsonl')
    expect(rows.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(rows.map((row) => 'heldOut.passAt1' in row)).toEqual([true, false, false, true, false, false, true])
    expect(rows[6]?.reward as number).toBeGreaterThan(rows[1]?.reward as number)
    expect(rows[6]).toMatchObject({ 'reward.even': expect.any(Number), entropy: expect.any(Number) })
    expect((await lines('whole', 'samples.jsonl'))[0]).toMatchObject({ step: 1, completion: expect.any(String) })
    expect(await readFile(join(folder, 'whole', 'curves.svg'), 'utf8')).toContain('held-out problems')
  })

  it('goes on after a stop with the identical weights', async () => {
    await expect(run(grpo, 'cut', {}, { abortAt: 5 })).rejects.toMatchObject({ code: 'aborted' })
    await run(grpo, 'cut', {}, { resume: true })
    expect(await weights('cut')).toEqual(await weights('whole'))
    const withoutTimes = async (name: string) =>
      (await lines(name, 'metrics.jsonl')).map(({ step, loss, reward }) => ({ step, loss, reward }))
    expect(await withoutTimes('cut')).toEqual(await withoutTimes('whole'))
  })

  it('ends early where a guard says so, and says why', async () => {
    const { metrics } = await run(grpo, 'guarded', { guards: { window: 2, entropy: 1, passAtK: 0 }, rate: 3e-2 })
    expect(metrics.steps).toBeLessThan(6)
    const rows = await lines('guarded', 'metrics.jsonl')
    expect(rows.at(-1)?.stopped).toContain('entropy')
  })

  it('goes back to the weights that did best when a guard ends it, also where it was cut before that', async () => {
    const changes = {
      environment: fileURLToPath(new URL('../testing/astray.ts', import.meta.url)),
      guards: { window: 3, entropy: 1, passAtK: 0 },
      ...{ rate: 3e-2, measure: { every: 1, problems: 8, samples: 8 } },
    }
    const { metrics } = await run(grpo, 'best', changes)
    const rows = await lines('best', 'metrics.jsonl')
    const scores = rows.map((row) => row['heldOut.passAt1'] as number)
    const kept = scores.indexOf(Math.max(...scores))
    expect(rows.at(-1)).toMatchObject({ stopped: expect.stringContaining('entropy'), kept })
    expect(metrics).toMatchObject({ kept, 'heldOut.passAt1': scores[kept] })
    expect(scores.at(-1)).toBeLessThan(Math.max(...scores))
    // A rate that is nothing in f32 leaves the weights as they were before the first step.
    await run(grpo, 'to the best', { ...changes, ...(kept === 0 ? { steps: 1, rate: 1e-60 } : { steps: kept }) })
    expect(await weights('best')).toEqual(await weights('to the best'))
    await expect(run(grpo, 'best and cut', changes, { abortAt: 3 })).rejects.toMatchObject({ code: 'aborted' })
    await run(grpo, 'best and cut', changes, { resume: true })
    expect(await weights('best and cut')).toEqual(await weights('best'))
  })

  it('names what does not fit before anything runs', async () => {
    await expect(run(grpo, 'long', { maxNewTokens: 100 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(run(grpo, 'prompt', { promptLength: 1 })).rejects.toMatchObject({ code: 'context-too-long' })
    await expect(run(grpo, 'none', { environment: 'no-such' })).rejects.toMatchObject({ code: 'unknown-environment' })
  })
})

describe('ppo', () => {
  it('learns by a value head, which the checkpoint does not keep', async () => {
    const { checkpoint } = await run(ppo, 'ppo', { kl: { weight: 0.01, target: 0.1 } })
    const rows = await lines('ppo', 'metrics.jsonl')
    expect(rows.at(-1)).toMatchObject({ valueLoss: expect.any(Number), rewardKl: expect.any(Number), updates: 4 })
    await using opened = await openCheckpoint(checkpoint)
    expect([...opened.tensors.keys()].filter((name) => name.startsWith('value') || name.startsWith('ref'))).toEqual([])
  })
})
