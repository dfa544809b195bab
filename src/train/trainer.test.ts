import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { R1Error } from '../errors.ts'
import { encodeWeights } from '../models/index.ts'
import type { LoadedModel } from '../models/load.ts'
import { NDArray } from '../runtime/array.ts'
import type { Objective } from './objective.ts'
import { nextToken } from './objectives/next-token.ts'
import { schedule } from './schedule.ts'
import { stateNames } from './step.ts'
import { batchOf, CountedBatches, sequence, tinyModel } from './testing/tiny.ts'
import { type StepReport, Trainer, type TrainerOptions } from './trainer.ts'

const steps = 12

function trainer(loaded: LoadedModel, options: Partial<TrainerOptions> = {}): Trainer {
  return new Trainer(loaded, {
    objective: nextToken,
    batches: new CountedBatches(8),
    steps,
    schedule: schedule('cosine', { rate: 3e-3, steps, warmup: 2 }),
    ...options,
  })
}

async function reports(run: AsyncIterable<StepReport>, count = Number.POSITIVE_INFINITY): Promise<StepReport[]> {
  const found: StepReport[] = []
  for await (const report of run) {
    found.push(report)
    if (found.length === count) break
  }
  return found
}

const valuesOf = ({ variables }: LoadedModel, name: string): Float32Array =>
  (variables.get(name) as NDArray<'f32'>).data

const lossesOf = (found: readonly StepReport[]): number[] => found.map(({ loss }) => loss)

/** Losses of a whole run from the same weights. */
async function losses(options: Partial<TrainerOptions> = {}): Promise<number[]> {
  using run = trainer(tinyModel(), options)
  return lossesOf(await reports(run.run()))
}

function expectEqualCurves(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length)
  for (const [index, loss] of found.entries()) expect(Math.abs(loss - (expected[index] as number))).toBeLessThan(1e-5)
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-trainer-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('Trainer', () => {
  it('lowers the loss of what it learns', async () => {
    const curve = await losses()
    expect(curve.at(-1)).toBeLessThan((curve[0] as number) - 0.1)
  })

  it('gives the same curve for one batch and for its rows in four, or three unequal, parts', async () => {
    const expected = await losses()
    expectEqualCurves(await losses({ batches: new CountedBatches(2), accumulation: 4 }), expected)
    const rows = [3, 1, 4]
    let [at, turn] = [0, 0]
    const batches = {
      next: async () => {
        const count = rows[turn++ % 3] as number
        at += count
        return batchOf(Array.from({ length: count }, (_, row) => sequence(at - count + row, 17)))
      },
      state: () => null,
      restore: () => undefined,
    }
    expectEqualCurves(await losses({ batches, accumulation: 3 }), expected)
  })

  it('gives the same curve with activations computed again', async () => {
    expectEqualCurves(await losses({ checkpointing: true }), await losses())
  })

  it('gives the same curve for sequences packed into rows and for a row each', async () => {
    const packed = (at: number) => {
      const pair = [sequence(at, 17), sequence(at + 1, 17)] as const
      const single = pair.map((tokens) => batchOf([tokens]))
      const joined = (name: 'ids' | 'targets' | 'positions') =>
        NDArray.from(
          BigInt64Array.from(single.flatMap((batch) => [...(batch[name].data as BigInt64Array)])),
          [1, 32],
          'i64',
        )
      return {
        ids: joined('ids'),
        targets: joined('targets'),
        positions: joined('positions'),
        segments: NDArray.from(
          Array.from({ length: 32 }, (_, index) => BigInt(index >> 4)),
          [1, 32],
          'i64',
        ),
        weights: NDArray.from(new Float32Array(32).fill(1), [1, 32]),
      }
    }
    let at = 0
    const batches = {
      next: async () => {
        at += 2
        return packed(at - 2)
      },
      state: () => null,
      restore: () => undefined,
    }
    expectEqualCurves(await losses({ batches }), await losses({ batches: new CountedBatches(2) }))
  })

  it('goes on from a saved state with the identical losses and weights, averages included', async () => {
    const options = { accumulation: 2, batches: new CountedBatches(4), ema: 0.9 }
    const whole = tinyModel()
    using undisturbed = trainer(whole, options)
    const expected = lossesOf(await reports(undisturbed.run()))

    const path = join(folder, 'state.safetensors')
    using cut = trainer(tinyModel(), { ...options, batches: new CountedBatches(4) })
    const before = lossesOf(await reports(cut.run(), 5))
    await cut.save(path)

    const loaded = tinyModel(99)
    using resumed = trainer(loaded, { ...options, batches: new CountedBatches(4) })
    await resumed.restore(path)
    const after = lossesOf(await reports(resumed.run()))

    expect([...before, ...after]).toEqual(expected)
    for (const { name } of whole.model.parameters()) {
      for (const key of [name, stateNames.secondMoment(name), stateNames.average(name)]) {
        expect(loaded.variables.get(key)?.bytes).toEqual(whole.variables.get(key)?.bytes)
      }
    }
  })

  it('goes on after a first try as if there had been none, accumulated and averaged too', async () => {
    const options = { accumulation: 2, ema: 0.9 }
    const expected = await losses({ ...options, batches: new CountedBatches(4) })
    const [tried, untouched] = [tinyModel(), tinyModel()]
    using run = trainer(tried, { ...options, batches: new CountedBatches(4) })
    await run.preflight()
    for (const { name, tensor } of untouched.model.parameters()) {
      expect(tried.variables.get(name)?.bytes).toEqual(untouched.variables.ensure(tensor, name).bytes)
    }
    expect(lossesOf(await reports(run.run()))).toEqual(expected)
  })

  it('says at the first try what to change where a step does not fit into memory', async () => {
    const full: Objective = {
      name: 'full',
      sums: () => {
        throw new R1Error('out-of-memory', 'No room.')
      },
    }
    using run = trainer(tinyModel(), { objective: full })
    await expect(run.preflight()).rejects.toMatchObject({ code: 'out-of-memory', remedy: /accumulation/ })
  })

  it('averages the parameters from the first step on', async () => {
    const loaded = tinyModel()
    using run = trainer(loaded, { ema: 0.5 })
    const name = 'model.norm.weight'
    const read = (key: string) => [...valuesOf(loaded, key)]
    let expected: number[] = []
    for await (const { step } of run.run()) {
      const now = read(name)
      expected = step === 1 ? now : now.map((value, index) => value + 0.5 * ((expected[index] as number) - value))
      read(stateNames.average(name)).forEach((value, index) => {
        expect(value).toBeCloseTo(expected[index] as number, 5)
      })
    }
  })

  it('stops when the held-out loss has not fallen for as long as its patience', async () => {
    const measured = [3, 2, 2.5, 2.5, 2.5, 1]
    using run = trainer(tinyModel(), {
      evaluation: { every: 1, run: async () => measured.shift() ?? 0 },
      earlyStopping: { patience: 3 },
    })
    const found = await reports(run.run())
    expect(found.map(({ best }) => best)).toEqual([true, true, false, false, false])
  })

  it('says which step broke when the loss is no number, and stops on a signal', async () => {
    const broken = tinyModel()
    using run = trainer(broken)
    await reports(run.run(), 2)
    valuesOf(broken, 'model.norm.weight').fill(Number.NaN)
    await expect(reports(run.run())).rejects.toMatchObject({ code: 'not-finite', message: /step 3/ })

    using stopped = trainer(tinyModel())
    const abort = new AbortController()
    await expect(async () => {
      for await (const { step } of stopped.run({ signal: abort.signal })) if (step === 2) abort.abort()
    }).rejects.toMatchObject({ code: 'aborted' })
  })

  it('trains adapters alone and leaves the base as it is', async () => {
    const loaded = tinyModel()
    using run = trainer(loaded, {
      scope: { adapter: { rank: 4, alpha: 8, accepts: (layer) => /_proj$/.test(layer) } },
      schedule: () => 1e-2,
    })
    const first = await reports(run.run(), 1)
    const before = loaded.variables.get('model.embed_tokens.weight')?.bytes.slice()
    const rest = await reports(run.run())
    expect(loaded.variables.get('model.embed_tokens.weight')?.bytes).toEqual(before)
    expect(rest.at(-1)?.loss).toBeLessThan((first[0] as StepReport).loss)
  })

  it('trains adapters over a base of codes as over the base itself, as far as the codes are exact', async () => {
    const over = async (base?: 'nf4' | 'int8'): Promise<number[]> => {
      const loaded = tinyModel()
      using pretraining = trainer(loaded, { steps: 40, schedule: () => 5e-3 })
      await reports(pretraining.run())
      const scope = { adapter: { rank: 4, alpha: 8, accepts: (layer: string) => /_proj$/.test(layer), base } }
      encodeWeights(loaded, scope)
      using run = trainer(loaded, { scope, schedule: () => 1e-2 })
      return lossesOf(await reports(run.run()))
    }
    const exact = await over()
    expect(exact.at(-1)).toBeLessThan(0.96 * (exact[0] as number))
    const largest = async (base: 'nf4' | 'int8') =>
      Math.max(...(await over(base)).map((loss, at) => Math.abs(loss / (exact[at] as number) - 1)))
    expect(await largest('int8')).toBeLessThan(0.01)
    expect(await largest('nf4')).toBeLessThan(0.05)
  })
})
