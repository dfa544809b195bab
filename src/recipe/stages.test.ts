import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/index.ts'
import type { R1Error } from '../errors.ts'
import { RewardModel } from '../train/reward-model.ts'
import { checkRoom } from '../train/stages/room.ts'
import { parseRecipe } from './recipe.ts'
import { planRecipe, runRecipe } from './run.ts'
import { stages } from './stages.ts'

const text = Array.from({ length: 60 }, (_, index) => `Number ${index} follows ${index - 1}.\n\n`).join('')
const pairs = Array.from({ length: 60 }, (_, index) =>
  JSON.stringify({ prompt: `${index} + 1 = `, completion: `${index + 1}` }),
)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-stages-'))
  await writeFile(join(folder, 'text.txt'), text)
  await writeFile(join(folder, 'pairs.jsonl'), `${pairs.join('\n')}\n`)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const head = 'name: small\nmodel: { family: r1, layers: 1, hidden: 64, positions: 128 }\nstages:\n'
const pretraining = `  - pretrain:
      data: { files: text.txt, unit: paragraph, heldOut: 0.2, shuffle: 10 }
      steps: 12
      batch: 4
      length: 32
      saveEvery: 3
      evaluateEvery: 6
`
const tuning = `  - sft:
      data: { files: pairs.jsonl, heldOut: 0.2 }
      steps: 6
      batch: 4
      length: 32
      adapter: { rank: 2 }
`

const recipeOf = (body: string) => parseRecipe(head + body, join(folder, 'recipe.yaml'), stages)

async function run(body: string, runs: string, options: { resume?: boolean; abortAt?: number; stage?: string } = {}) {
  const abort = new AbortController()
  const finished = []
  const run = runRecipe(recipeOf(body), {
    runs: join(folder, runs),
    resume: options.resume ?? false,
    signal: abort.signal,
    onReport: (stage, { step, asked }) => {
      const here = (step ?? asked) === options.abortAt && options.abortAt !== undefined
      if (here && stage === (options.stage ?? stage)) abort.abort()
    },
  })
  for await (const stage of run) finished.push(stage)
  return finished
}

const weights = (runs: string, stage: string) =>
  readFile(join(folder, runs, 'small', stage, 'checkpoint', 'model.safetensors'))

describe('stages', () => {
  it('train, tune with adapters that are merged, and write a GGUF file that opens', async () => {
    const finished = await run(`${pretraining}${tuning}  - quantize: { type: q4_0 }\n`, 'runs')
    expect(finished.map(({ name }) => name)).toEqual(['01-pretrain', '02-sft', '03-quantize'])
    const [trained, tuned, quantized] = finished as [(typeof finished)[0], (typeof finished)[0], (typeof finished)[0]]
    expect(trained.metrics['heldOut.loss']).toBeLessThan(5.6)
    expect(Object.keys(trained.data)).toEqual(['text.txt'])
    await using checkpoint = await openCheckpoint(tuned.checkpoint)
    expect([...checkpoint.tensors.keys()].filter((name) => /lora|moment|average/.test(name))).toEqual([])
    expect(await weights('runs', '02-sft')).not.toEqual(await weights('runs', '01-pretrain'))
    await using gguf = await openCheckpoint(quantized.checkpoint)
    expect(gguf.format).toBe('gguf')
  })

  it('adapt with domains that take turns, prefer what was chosen, and follow a teacher', async () => {
    await writeFile(join(folder, 'other.txt'), text.replaceAll('follows', 'comes after'))
    const preferences = pairs.map((line) => {
      const { prompt, completion } = JSON.parse(line)
      return JSON.stringify({ prompt, chosen: completion, rejected: '?' })
    })
    await writeFile(join(folder, 'preferences.jsonl'), `${preferences.join('\n')}\n`)
    const finished = await run(
      `${pretraining}
  - adapt:
      domains:
        - { files: other.txt, unit: paragraph, heldOut: 0.2, share: [[0, 0.1], [1, 0.9]] }
        - { files: text.txt, unit: paragraph, share: 0.5 }
      consolidation: { data: { files: text.txt, unit: paragraph }, rows: 8 }
      steps: 6
      batch: 4
      length: 32
  - dpo:
      data: { files: preferences.jsonl, heldOut: 0.2 }
      steps: 12
      batch: 8
      length: 16
      rate: 2e-2
      adapter: { rank: 4, base: nf4 }
  - distill:
      teacher: runs/small/01-pretrain/checkpoint
      data: { files: text.txt, unit: paragraph, heldOut: 0.2 }
      steps: 6
      batch: 4
      length: 32
`,
      'runs',
    )
    const [, adapted, preferring, following] = finished.map(({ metrics }) => metrics)
    expect(finished.map(({ data }) => Object.keys(data).sort())[1]).toEqual(['other.txt', 'text.txt'])
    expect(adapted?.steps).toBe(6)
    expect(preferring?.['heldOut.accuracy']).toBeGreaterThan(0.9)
    expect(preferring?.['heldOut.loss']).toBeLessThan(Math.LN2)
    expect(following?.['heldOut.divergence']).toBeLessThan(0.5)
    await using checkpoint = await openCheckpoint((finished[3] as (typeof finished)[0]).checkpoint)
    expect([...checkpoint.tensors.keys()].some((name) => name.startsWith('teacher'))).toBe(false)
  })

  it('learn to score answers: what they write loads again and orders what it has not seen', async () => {
    const wrong = pairs.map((line) => {
      const { prompt, completion } = JSON.parse(line)
      return JSON.stringify({ prompt, chosen: completion, rejected: `${completion}?` })
    })
    await writeFile(join(folder, 'preferences.jsonl'), `${wrong.join('\n')}\n`)
    const learning = `  - rewardModel:
      data: { files: preferences.jsonl, heldOut: 0.2 }
      steps: 30
      batch: 8
      length: 16
      rate: 3e-3
`
    const [learnt] = await run(learning, 'runs')
    expect(learnt?.metrics['heldOut.accuracy']).toBeGreaterThan(0.9)
    const config = JSON.parse(await readFile(join(learnt?.checkpoint as string, 'config.json'), 'utf8'))
    expect(config).toMatchObject({ architectures: ['LlamaForSequenceClassification'], id2label: { 0: 'reward' } })
    await using judge = await RewardModel.open(learnt?.checkpoint as string)
    const [good, bad] = (await judge.scoreAnswers('100 + 1 = ', ['101', '101?'])) as [number, number]
    expect(good).toBeGreaterThan(bad)
    const alone = await judge.scoreAnswers('100 + 1 = ', ['101'])
    expect(alone[0]).toBeCloseTo(good, 5)
    await run(pretraining, 'other')
    const text = join(folder, 'other/small/01-pretrain/checkpoint')
    await expect(RewardModel.open(text)).rejects.toMatchObject({ code: 'checkpoint-mismatch' })
  })

  const sampled = (kind: string) => `${pretraining}
  - distill:
      teacher: runs/small/01-pretrain/checkpoint
      ${kind}
      steps: 4
      batch: 4
      length: 32
      saveEvery: 1
`
  const environment = `export default {
  name: 'short',
  *examples(split) { for (let index = split === 'train' ? 0 : 1; ; index += 2) yield { prompt: 'Number ' + index } },
  reward: ({ tokens }) => Number(tokens.some((token) => token % 2 === 0)),
}
`

  it("learn from a teacher's samples that an environment finds right, drawn once", async () => {
    await writeFile(join(folder, 'short.mjs'), environment)
    const body = sampled('samples: { environment: ./short.mjs, problems: 100, each: 2, keep: 2, maxNewTokens: 5 }')
    const [, learnt] = await run(body, 'runs')
    const file = join(folder, 'runs/small/02-distill/samples.jsonl')
    const samples = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(samples.length).toBeGreaterThan(10)
    for (const { completion, reward } of samples) {
      expect(reward).toBe(1)
      expect(completion.some((token: number) => token % 2 === 0)).toBe(true)
    }
    expect(learnt?.metrics['heldOut.loss']).toBeGreaterThan(0)
    await expect(run(body, 'cut', { abortAt: 64, stage: '02-distill' })).rejects.toMatchObject({ code: 'aborted' })
    await run(body, 'cut', { resume: true })
    expect(await readFile(join(folder, 'cut/small/02-distill/samples.jsonl'))).toEqual(await readFile(file))
    expect(await weights('cut', '02-distill')).toEqual(await weights('runs', '02-distill'))
  })

  it("learn from the student's own samples, and go on after a stop with the identical weights", async () => {
    await writeFile(join(folder, 'short.mjs'), environment)
    const body = sampled('onPolicy: { environment: ./short.mjs, maxNewTokens: 8 }')
    const [, learnt] = await run(body, 'runs')
    expect(learnt?.metrics['heldOut.divergence']).toBeLessThan(0.1)
    const other = body.replace('steps: 12', 'steps: 3')
    await run(other, 'whole')
    await expect(run(other, 'cut', { abortAt: 2, stage: '02-distill' })).rejects.toMatchObject({ code: 'aborted' })
    await run(other, 'cut', { resume: true })
    expect(await weights('cut', '02-distill')).toEqual(await weights('whole', '02-distill'))
  })

  it('have the same loss curve with one and with two data workers, and another with options of the loop', async () => {
    const losses = async (runs: string, extra = '') => {
      await run(`${pretraining}${extra}`, runs)
      const lines = await readFile(join(folder, runs, 'small/01-pretrain/metrics.jsonl'), 'utf8')
      return lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    }
    const curve = (lines: readonly { loss: number }[]) => lines.map(({ loss }) => loss)
    const expected = curve(await losses('one'))
    expect(curve(await losses('two', '      workers: 2\n'))).toEqual(expected)
    const moved = await losses('moved', '      adversarial: { method: pgd, epsilon: 0.5 }\n')
    for (const { adversarial } of moved) expect(adversarial).toBeGreaterThan(0)
    const held = '      consolidation: { data: { files: text.txt, unit: paragraph }, rows: 4, strength: 1000 }\n'
    expect(curve(await losses('held', held)).slice(1)).not.toEqual(expected.slice(1))
    const shared = await losses('shared', '      objectives: { confidence: 0.5, learned: true }\n')
    expect(shared[0].confidence).toBeLessThan(0)
  })

  it('go on after a stop with the identical weights and the same lines of metrics', async () => {
    await run(pretraining, 'whole')
    await expect(run(pretraining, 'cut', { abortAt: 8 })).rejects.toMatchObject({ code: 'aborted' })
    await run(pretraining, 'cut', { resume: true })
    expect(await weights('cut', '01-pretrain')).toEqual(await weights('whole', '01-pretrain'))
    const lines = async (runs: string) =>
      (await readFile(join(folder, runs, 'small/01-pretrain/metrics.jsonl'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => ({ ...JSON.parse(line), milliseconds: 0 }))
    expect(await lines('cut')).toEqual(await lines('whole'))
  })

  it('need room on the disk, and say so before anything runs', async () => {
    await expect(checkRoom(folder, 1e6, {}, 27e6)).rejects.toMatchObject({ code: 'disk-full', remedy: /--runs/ })
    await checkRoom(folder, 1e6, {}, 29e6)
    await expect(checkRoom(join(folder, 'not/yet/there'), 1e18, {})).rejects.toMatchObject({ code: 'disk-full' })
  })

  it('train on one example, or say that there is none', async () => {
    const outcomes = await Promise.all(
      ['one', 'two', 'three', 'four'].map(async (name) => {
        await writeFile(join(folder, `${name}.jsonl`), `${pairs[0]}\n`)
        const body = tuning.replace('pairs.jsonl, heldOut: 0.2', `${name}.jsonl, heldOut: 0.5`)
        const planned = planRecipe(recipeOf(body), { runs: join(folder, name) })
        return planned.then(
          ([stage]) => stage?.plan.steps,
          (error: R1Error) => error.code,
        )
      }),
    )
    // Which side the only example falls on is decided by its name.
    for (const outcome of outcomes) expect([6, 'no-data']).toContain(outcome)
    const body = tuning.replace('pairs.jsonl, heldOut: 0.2', 'one.jsonl, heldOut: 0')
    const [learnt] = await run(body, 'alone')
    expect(learnt?.metrics.loss).toBeGreaterThan(0)
  })

  it.each([
    [
      'a broken line',
      tuning,
      'bad-record',
      /line 4, sft: .*pairs\.jsonl.*41/,
      `${`${pairs[0]}\n`.repeat(40)}{"prompt": \n`,
    ],
    [
      'a missing file',
      pretraining.replace('text.txt', 'lost.txt'),
      'file-not-found',
      /line 4, pretrain: .*lost\.txt/,
      '',
    ],
    ['an empty file', tuning, 'no-data', /line 4, sft: /, ''],
    ['a missing field', tuning, 'bad-record', /has no field "completion"/, '{"prompt": "a"}\n'],
    ['a conversation without an answer', tuning, 'bad-record', /no turn of the assistant/, '{"messages": []}\n'],
    ['rows that are too long', pretraining.replace('length: 32', 'length: 512'), 'bad-option', /longer than/, ''],
    [
      'parts that are uneven',
      pretraining.replace('batch: 4', 'batch: 4\n      accumulation: 3'),
      'bad-option',
      /equal parts/,
      '',
    ],
    ['no length of training', pretraining.replace('      steps: 12\n', ''), 'bad-option', /steps/, ''],
  ])('say what is wrong before anything runs: %s', async (_, body, code, message, data) => {
    await writeFile(join(folder, 'pairs.jsonl'), data)
    const planned = planRecipe(recipeOf(body), { runs: join(folder, 'runs') })
    await expect(planned).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
