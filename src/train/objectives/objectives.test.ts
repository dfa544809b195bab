import { describe, expect, it } from 'vitest'
import type { LoadedModel } from '../../models/load.ts'
import { Scope } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import type { Batch, BatchSource } from '../batch.ts'
import { consolidate, consolidation } from '../ewc.ts'
import { forwardPass, type Objective, type TracedBatch } from '../objective.ts'
import { presentArrays } from '../step.ts'
import { batchOf, CountedBatches, sequence, tinyModel } from '../testing/tiny.ts'
import { Trainer, type TrainerOptions } from '../trainer.ts'
import { adversarial, embeddingName } from './adversarial.ts'
import { confidence } from './confidence.ts'
import { distill, teacherScope } from './distill.ts'
import { dpo } from './dpo.ts'
import { nextToken } from './next-token.ts'
import { reward } from './reward.ts'
import { rowLogProbabilities } from './sequence.ts'
import { weighted } from './weighted.ts'

/** Trains and gives back the last report. */
async function train(loaded: LoadedModel, options: Partial<TrainerOptions> & Pick<TrainerOptions, 'batches'>) {
  using trainer = new Trainer(loaded, { objective: nextToken, steps: 60, schedule: () => 3e-3, ...options })
  const reports = []
  for await (const report of trainer.run()) reports.push(report)
  return { first: reports[0] as (typeof reports)[0], last: reports.at(-1) as (typeof reports)[0] }
}

/** Mean of an objective and of its metrics over a batch. */
async function measure({ model, variables }: LoadedModel, objective: Objective, batch: Batch) {
  using body = jit(({ batch }: { batch: TracedBatch }) => objective.sums(forwardPass(model, new Scope(), batch)), {
    variables,
  })
  const { loss, metrics = {} } = await body.run({ batch: presentArrays(batch) })
  const mean = (array: NDArray) => (array.toNumbers()[0] as number) / batch.weights.size
  return {
    loss: mean(loss),
    metrics: Object.fromEntries(Object.entries(metrics).map(([key, sum]) => [key, mean(sum)])),
  }
}

const repeat = (make: (index: number) => Batch | Promise<Batch>): BatchSource => {
  let index = 0
  return { next: async () => make(index++), state: () => index, restore: () => undefined }
}

/** Pairs whose first row follows the rule of the sequences, and whose second breaks it in the last eight tokens. */
function pairs(from: number, count: number): number[][] {
  return Array.from({ length: 2 * count }, (_, row) => {
    const tokens = sequence(from + (row >> 1), 17)
    return row % 2 === 0 ? tokens : tokens.map((token, at) => (at < 9 ? token : (token + 7 * at) % 64))
  })
}

/** Only targets from the ninth on count, or only the last. */
function weightedFrom(batch: Batch, first: number): Batch {
  const weights = NDArray.from(
    Float32Array.from({ length: batch.weights.size }, (_, index) => (index % 16 >= first ? 1 : 0)),
    batch.weights.shape,
  )
  return { ...batch, weights }
}

describe('dpo', () => {
  it('prefers what was chosen on held-out pairs, and starts at ln 2', async () => {
    const loaded = tinyModel()
    const { model, variables } = loaded
    await train(loaded, { batches: new CountedBatches(8) })
    using reference = jit(
      ({ batch }: { batch: TracedBatch }) => rowLogProbabilities(forwardPass(model, new Scope(), batch)),
      { variables },
    )
    const pairBatch = async (from: number, count: number): Promise<Batch> => {
      const batch = weightedFrom(batchOf(pairs(from, count)), 8)
      return { ...batch, reference: await reference.run({ batch: presentArrays(batch) }) }
    }
    const training = await Promise.all(Array.from({ length: 16 }, (_, index) => pairBatch(1000 + 8 * index, 8)))
    const heldOut = await pairBatch(5000, 16)
    const { first } = await train(loaded, {
      objective: dpo(),
      batches: repeat((index) => training[index % training.length] as Batch),
      schedule: () => 1e-3,
    })
    expect(first.loss).toBeCloseTo(Math.LN2, 4)
    using trainer = new Trainer(loaded, {
      objective: dpo(),
      batches: repeat(() => heldOut),
      steps: 1,
      schedule: () => 0,
    })
    for await (const { metrics } of trainer.run()) {
      expect(metrics.accuracy).toBeGreaterThan(0.9)
      expect(metrics.margin).toBeGreaterThan(0.1)
    }
  })
})

describe('reward', () => {
  it('orders held-out pairs', async () => {
    const loaded = tinyModel()
    const batches = (from: number) => repeat((index) => weightedFrom(batchOf(pairs(from + 32 * index, 32)), 15))
    await train(loaded, { objective: reward, batches: batches(0), steps: 300 })
    const { first } = await train(loaded, { objective: reward, batches: batches(90_000), steps: 1, schedule: () => 0 })
    expect(first.metrics.accuracy).toBeGreaterThan(0.9)
  })
})

describe('distill', () => {
  it.each(['forward', 'reverse', 0.5] as const)('brings the student nearer to the teacher (%s)', async (divergence) => {
    const teacher = tinyModel(3)
    await train(teacher, { batches: new CountedBatches(8) })
    const student = tinyModel(4)
    for (const { name } of teacher.model.parameters()) {
      student.variables.set(`${teacherScope}.${name}`, teacher.variables.get(name) as NDArray)
    }
    const objective = distill({ teacher: teacher.model, divergence })
    const { first, last } = await train(student, { objective, batches: new CountedBatches(8) })
    expect(last.loss).toBeLessThan(0.5 * first.loss)
    const kept = teacher.model.parameters().map(({ name }) => teacher.variables.get(name)?.bytes)
    expect(student.variables.get(`${teacherScope}.model.norm.weight`)?.bytes).toEqual(kept.at(-1))
  })

  it('is zero from a model to itself', async () => {
    const loaded = tinyModel()
    for (const { name } of loaded.model.parameters()) {
      await measure(loaded, nextToken, batchOf([sequence(0, 17)]))
      loaded.variables.set(`${teacherScope}.${name}`, loaded.variables.get(name) as NDArray)
    }
    for (const divergence of ['forward', 'reverse', 0.3] as const) {
      const objective = distill({ teacher: loaded.model, divergence })
      expect((await measure(loaded, objective, batchOf([sequence(0, 17)]))).loss).toBeCloseTo(0, 5)
    }
  })
})

describe('adversarial', () => {
  it.each(['fgm', 'pgd'] as const)('finds a worse place for the embeddings, within its length (%s)', async (method) => {
    const loaded = tinyModel()
    await train(loaded, { batches: new CountedBatches(8) })
    const batch = batchOf([0, 1, 2, 3].map((index) => sequence(index, 17)))
    const clean = (await measure(loaded, nextToken, batch)).loss
    const { metrics } = await measure(loaded, adversarial(nextToken, { method, epsilon: 0.5 }), batch)
    expect(metrics.adversarial).toBeGreaterThan(clean * 1.05)
  })

  it('makes embeddings that can be moved farther before the loss rises', async () => {
    const rise = async (objective: Objective) => {
      const loaded = tinyModel()
      await train(loaded, { batches: new CountedBatches(8), objective, steps: 300 })
      const batch = batchOf([500, 501, 502, 503].map((index) => sequence(index, 17)))
      const attack = adversarial(nextToken, { method: 'pgd', epsilon: 2, steps: 5, share: 1 })
      return (await measure(loaded, attack, batch)).loss - (await measure(loaded, nextToken, batch)).loss
    }
    const [plain, hardened] = [await rise(nextToken), await rise(adversarial(nextToken, { method: 'fgm', epsilon: 2 }))]
    expect(hardened).toBeLessThan(0.9 * plain)
  })

  it('names the table of every kind of model it can perturb', () => {
    expect(embeddingName(tinyModel().model)).toBe('model.embed_tokens.weight')
  })
})

describe('weighted', () => {
  it('adds up its parts, and learns their shares', async () => {
    const half: Objective = { ...nextToken, name: 'other' }
    const loaded = tinyModel()
    const batch = batchOf([sequence(0, 17)])
    const single = (await measure(loaded, nextToken, batch)).loss
    const parts = [{ objective: nextToken, weight: 0.25 }, { objective: half }]
    const both = await measure(loaded, weighted({ parts }), batch)
    expect(both.loss).toBeCloseTo(1.25 * single, 4)
    expect(both.metrics.other).toBeCloseTo(single, 4)
    const learned = weighted({ parts: [{ objective: nextToken }, { objective: half }], learned: true })
    const { first, last } = await train(tinyModel(), { objective: learned, batches: new CountedBatches(8) })
    expect(last.loss).toBeLessThan(first.loss)
  })
})

describe('confidence', () => {
  it('keeps a model unsure that would grow sure of a few rows', async () => {
    const rows = batchOf([0, 1, 2, 3].map((index) => sequence(index, 17)))
    const entropy = async (objective: Objective) => {
      const loaded = tinyModel()
      await train(loaded, { batches: repeat(() => rows), objective, steps: 80 })
      return -(await measure(loaded, confidence, rows)).loss
    }
    const plain = await entropy(nextToken)
    const parts = [{ objective: nextToken }, { objective: confidence, weight: 0.3 }]
    expect(await entropy(weighted({ parts }))).toBeGreaterThan(2 * plain)
  })
})

describe('consolidation', () => {
  it('keeps an old task while a new one is learned', async () => {
    const old = () => new CountedBatches(8)
    const other = () =>
      repeat((index) =>
        batchOf(Array.from({ length: 8 }, (_, row) => sequence(8 * index + row, 17).map((token) => 63 - token))),
      )
    const forgotten = async (strength: number) => {
      const loaded = tinyModel()
      await train(loaded, { batches: old(), steps: 120 })
      const rows = Array.from({ length: 32 }, (_, row) => batchOf([sequence(row, 17)]))
      expect(await consolidate(loaded, nextToken, rows)).toBe(32)
      const probe = batchOf(Array.from({ length: 16 }, (_, row) => sequence(7000 + row, 17)))
      const before = (await measure(loaded, nextToken, probe)).loss
      const penalty = strength > 0 ? { penalty: consolidation(strength) } : {}
      const { last } = await train(loaded, { batches: other(), steps: 40, ...penalty })
      return { rise: (await measure(loaded, nextToken, probe)).loss - before, learned: last.loss }
    }
    const [free, held] = [await forgotten(0), await forgotten(300)]
    expect(held.rise).toBeLessThan(0.7 * free.rise)
  })
})
