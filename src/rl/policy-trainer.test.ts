import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NDArray } from '../runtime/array.ts'
import { tinyModel } from '../train/testing/tiny.ts'
import { PolicyTrainer, type PolicyTrainerOptions } from './policy-trainer.ts'
import type { Question } from './rollout-group.ts'
import { Rollouts } from './rollouts.ts'

/** Questions that reward a completion for its share of even tokens. */
function* ask(step: number): Generator<Question> {
  for (let index = 0; ; index++) {
    yield {
      prompt: Int32Array.of(1 + ((step * 7 + index) % 50), 3),
      text: '',
      async judge({ ids }) {
        const even = ids.filter((id) => id % 2 === 0).length / ids.length
        return { text: '', judgement: { reward: even, parts: { even }, solved: even > 0.8 } }
      },
    }
  }
}

const options: PolicyTrainerOptions = {
  ...{ seed: 5, steps: 12, questions: 8, group: 8, maxNewTokens: 12, rounds: 1 },
  schedule: () => 1e-2,
  advantages: 'grpo',
  objective: { loss: 'dapo', largestCorrection: 2 },
  aggregation: 'token-mean',
  ...{ epochs: 1, minibatches: 1, maskTruncated: false, overlongBuffer: 0 },
  guards: { window: 4, zeroVariance: 0, entropy: 0, passAtK: 0 },
  shape: { rows: 8, length: 48 },
  threads: 1,
}

const actorCritic: Partial<PolicyTrainerOptions> = {
  advantages: { gamma: 1, lambda: 0.95 },
  objective: { loss: 'ppo', value: { weight: 0.1, clip: 0.2 }, largestCorrection: 2 },
  kl: { weight: 0.01, estimator: 'k1', target: 0.05 },
  epochs: 2,
}

/** A model with its rollouts and trainer, to the end of the callback. */
async function withTrainer<T>(
  changes: Partial<PolicyTrainerOptions>,
  use: (parts: { trainer: PolicyTrainer; weights: () => number[] }) => Promise<T>,
): Promise<T> {
  const loaded = tinyModel(3)
  const parameters = loaded.model.parameters()
  for (const { name, tensor } of parameters) loaded.variables.ensure(tensor, name)
  await using rollouts = await Rollouts.create(loaded, { slots: 16, context: 32, stopIds: [63], threads: 1 })
  using trainer = new PolicyTrainer(loaded, rollouts, ask, { ...options, ...changes })
  const weights = () => parameters.flatMap(({ name }) => loaded.variables.get(name)?.toNumbers() ?? [])
  return await use({ trainer, weights })
}

const train = (changes: Partial<PolicyTrainerOptions> = {}) =>
  withTrainer(changes, async ({ trainer }) => {
    const reports = []
    for await (const report of trainer.run()) reports.push(report)
    return reports
  })

type Report = Awaited<ReturnType<typeof train>>[number]
const rewardOf = ({ statistics }: Report) => statistics.reward

describe('policy trainer', () => {
  it('raises the reward against the group, its rollouts as likely to the trainer as to the engine', async () => {
    const reports = await train()
    expect(rewardOf(reports[0] as Report)).toBeLessThan(0.65)
    expect(rewardOf(reports.at(-1) as Report)).toBeGreaterThan(0.8)
    for (const { metrics } of reports) expect(metrics.mismatch).toBeLessThan(1e-4)
  })

  it('raises the reward against a value head, its distance to the reference kept in bounds', async () => {
    const reports = await train({ ...actorCritic, steps: 16 })
    expect(rewardOf(reports.at(-1) as Report)).toBeGreaterThan(rewardOf(reports[0] as Report) + 0.1)
    expect(reports.map(({ updates }) => updates)).toEqual(Array(16).fill(2))
    // The weight of the first step is the option's, and what the policy has moved is more than rounding.
    expect(reports[0]?.metrics.klWeight).toBe(0.01)
    expect(reports.at(-1)?.metrics.rewardKl).toBeGreaterThan(1e-3)
  })

  it.each([
    { advantages: 'dr-grpo', aggregation: 'constant' },
    { advantages: 'rloo', aggregation: 'sequence-mean', kl: { weight: 0.1, estimator: 'k3' }, referenceEvery: 1 },
    { objective: { loss: 'gspo', largestCorrection: 2 }, epochs: 2, minibatches: 2 },
    { objective: { loss: 'cispo', largestCorrection: 2 }, precision: 'bf16', overlongBuffer: 4 },
    { rounds: 3, objective: { loss: 'ppo', largestCorrection: 2, clip: { low: 0.1, high: 0.3 } } },
  ] as const satisfies Partial<PolicyTrainerOptions>[])('learns with %j', async (changes) => {
    const [first, last] = await train({ ...changes, steps: 2, schedule: () => 2e-3 })
    for (const { loss, norm, metrics } of [first as Report, last as Report]) {
      for (const value of [loss, norm, ...Object.values(metrics)]) expect(value).toSatisfy(Number.isFinite)
      expect(norm).toBeGreaterThan(0)
    }
  })

  it.each([{}, actorCritic])('goes on after a stop with the identical weights (%#)', async (changes) => {
    const folder = await mkdtemp(join(tmpdir(), 'r1-policy-'))
    const state = join(folder, 'state.safetensors')
    try {
      const steps = 4
      const whole = await withTrainer({ ...changes, steps }, async ({ trainer, weights }) => {
        for await (const { step } of trainer.run()) if (step === 2) await trainer.save(state)
        return weights()
      })
      const resumed = await withTrainer({ ...changes, steps }, async ({ trainer, weights }) => {
        await trainer.restore(state)
        for await (const { step } of trainer.run()) expect(step).toBeGreaterThan(2)
        return weights()
      })
      expect(resumed).toEqual(whole)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('is stopped by a guard that says why', async () => {
    const reports = await train({ guards: { window: 2, zeroVariance: 0, entropy: 2, passAtK: 0 } })
    expect(reports).toHaveLength(2)
    expect(reports.at(-1)?.stopped).toContain('entropy')
  })

  it('passes over completions whose reward fails, and ends where all do', async () => {
    const failing = function* (step: number): Generator<Question> {
      let index = 0
      for (const question of ask(step)) {
        const fails = step === 2 || index++ % 2 === 1
        yield fails ? { ...question, judge: async () => ({ text: '', judgement: { failure: 'no judge' } }) } : question
      }
    }
    const loaded = tinyModel(3)
    for (const { name, tensor } of loaded.model.parameters()) loaded.variables.ensure(tensor, name)
    await using rollouts = await Rollouts.create(loaded, { slots: 16, context: 32, stopIds: [63], threads: 1 })
    using trainer = new PolicyTrainer(loaded, rollouts, failing, { ...options, steps: 2 })
    const steps = trainer.run()
    const { value } = await steps.next()
    expect(value).toMatchObject({ updates: 1, statistics: { failures: 32, groups: 8, reward: expect.any(Number) } })
    await expect(steps.next()).rejects.toThrow('None of 64 completions got a reward: no judge.')
  })
})

describe('rollouts', () => {
  it('refuse to go on over weights that were replaced', async () => {
    const loaded = tinyModel(3)
    for (const { name, tensor } of loaded.model.parameters()) loaded.variables.ensure(tensor, name)
    await using rollouts = await Rollouts.create(loaded, { slots: 2, context: 32, stopIds: [63], threads: 1 })
    rollouts.renew()
    const [name] = loaded.variables.names as [string]
    loaded.variables.set(name, NDArray.zeros((loaded.variables.get(name) as NDArray).shape))
    expect(() => rollouts.renew()).toThrow(expect.objectContaining({ code: 'weights-moved' }))
  })
})
