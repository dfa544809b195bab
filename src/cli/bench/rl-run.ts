import { Engine } from '../../generate/engine.ts'
import { cacheBeside } from '../../generate/engine-options.ts'
import type { LoadedModel } from '../../models/index.ts'
import { r1Model } from '../../models/index.ts'
import { PolicyTrainer } from '../../rl/policy-trainer.ts'
import type { Question } from '../../rl/rollout-group.ts'
import { Rollouts } from '../../rl/rollouts.ts'
import { NDArray } from '../../runtime/array.ts'
import { Variables } from '../../runtime/variables.ts'
import { nextToken } from '../../train/objectives/next-token.ts'
import { TrainingStep } from '../../train/step.ts'
import { median, peakMemoryMb, promptOf } from './measure.ts'

export interface RlRunOptions {
  readonly layers: number
  readonly hidden: number
  readonly questions: number
  readonly group: number
  readonly prompt: number
  readonly completion: number
  readonly steps: number
  readonly slots: number
  readonly rows: number
  readonly threads: number
  readonly precision: 'f32' | 'bf16'
  readonly rolloutPrecision: 'f32' | 'bf16'
}

export interface RlRow {
  readonly parameters: number
  readonly completions: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly precision: 'f32' | 'bf16'
  readonly rollout_precision: 'f32' | 'bf16'
  /** Medians over the steps but the first; tokens of completions while drawing, of whole sequences while learning. */
  readonly rollout_tokens_per_second: number
  readonly train_tokens_per_second: number
  readonly steps_per_minute: number
  readonly step_ms: number
  readonly step_ms_best: number
  /** Rates of the engine, and of plain training steps on full rows, alone in this process before the first step. */
  readonly engine_tokens_per_second: number
  readonly trainer_tokens_per_second: number
  /** The rates of the steps against those. */
  readonly rollout_of_engine: number
  readonly train_of_trainer: number
  /** Mean |Δ ln p| between engine and trainer, in nats a token. */
  readonly mismatch: number
  readonly peak_rss_mb: number
}

/** Bytes, the usual control tokens, whole tiles. */
const vocabulary = 320

/** Questions without end; a completion is worth the share of even tokens in it. */
function* ask(step: number, options: RlRunOptions): Generator<Question> {
  for (let index = 0; ; index++) {
    const shift = step * options.questions + index
    yield {
      prompt: Int32Array.from(promptOf(options.prompt, vocabulary), (id) => (id + shift) % vocabulary),
      text: '',
      async judge({ ids }) {
        const even = ids.filter((id) => id % 2 === 0).length / ids.length
        return { text: '', judgement: { reward: even, parts: {}, solved: even > 0.5 } }
      },
    }
  }
}

/** Tokens a second of the engine alone: as many texts as slots, of the length of the completions. */
async function rateOfEngine(loaded: LoadedModel, options: RlRunOptions): Promise<number> {
  const { slots, prompt, completion, threads, rolloutPrecision: precision } = options
  const context = prompt + completion
  await using engine = await Engine.create(loaded, {
    slots,
    context,
    threads,
    precision,
    cacheType: cacheBeside(precision),
  })
  const draw = async (seed: number) => {
    const started = performance.now()
    const streams = Array.from({ length: slots }, (_, at) =>
      engine.generate({
        prompt: promptOf(prompt, vocabulary),
        maxNewTokens: completion,
        sampling: { temperature: 1, seed: seed + at },
      }),
    )
    await Promise.all(streams.map((stream) => stream.all()))
    return (1000 * slots * completion) / (performance.now() - started)
  }
  await draw(0)
  return median([await draw(1000), await draw(2000), await draw(3000)])
}

/** Tokens a second of training steps over rows without padding. */
async function rateOfTrainer(loaded: LoadedModel, options: RlRunOptions): Promise<number> {
  const { rows, prompt, completion, threads, precision } = options
  const length = prompt + completion
  const count = rows * length
  using step = new TrainingStep(loaded, nextToken, { threads, precision })
  const i64 = (value: (at: number) => number) =>
    NDArray.from(
      BigInt64Array.from({ length: count }, (_, at) => BigInt(value(at))),
      [rows, length],
      'i64',
    )
  const batch = {
    ids: i64((at) => (at * 97 + 5) % vocabulary),
    targets: i64((at) => ((at + 1) * 97 + 5) % vocabulary),
    positions: i64((at) => at % length),
    segments: i64(() => 0),
    weights: NDArray.from(new Float32Array(count).fill(1), [rows, length]),
  }
  const times: number[] = []
  for (let index = 0; index < 6; index++) {
    const started = performance.now()
    // A rate of nothing: the weights stay as they are.
    await step.run(batch, { index: 0, of: 1, weight: count }, index + 1, 0)
    times.push(performance.now() - started)
  }
  return (1000 * count) / median(times.slice(2))
}

/** Measures steps of GRPO in this process. */
export async function runReinforcement(options: RlRunOptions, progress: (message: string) => void): Promise<RlRow> {
  const { layers, hidden, questions, group, prompt, completion, steps, slots, rows, threads } = options
  const model = r1Model({ depth: layers, width: hidden, positions: prompt + completion, vocabulary })
  using variables = new Variables(7)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  const loaded = { model, variables }
  progress('the engine alone')
  const engineRate = await rateOfEngine(loaded, options)
  progress('training steps alone')
  const trainerRate = await rateOfTrainer(loaded, options)
  await using rollouts = await Rollouts.create(loaded, {
    ...{ slots, context: prompt + completion, stopIds: [], threads, precision: options.rolloutPrecision },
  })
  using trainer = new PolicyTrainer(loaded, rollouts, (step) => ask(step, options), {
    ...{ seed: 7, steps, questions, group, maxNewTokens: completion, rounds: 1, epochs: 1, minibatches: 1 },
    ...{ threads, precision: options.precision, maskTruncated: false, overlongBuffer: 0 },
    schedule: () => 3e-5,
    advantages: 'grpo',
    objective: { loss: 'dapo', largestCorrection: 2 },
    aggregation: 'token-mean',
    guards: { window: 1, zeroVariance: 0, entropy: 0, passAtK: 0 },
    shape: { rows, length: prompt + completion },
  })
  const reports = []
  for await (const report of trainer.run()) {
    progress(`step ${report.step} of ${steps}`)
    reports.push(report)
  }
  const steady = reports.slice(Math.min(1, reports.length - 1))
  const times = steady.map((report) => report.rolloutMilliseconds + report.trainMilliseconds)
  const rolloutRate = median(
    steady.map(({ statistics, rolloutMilliseconds }) => (1000 * statistics.tokens) / rolloutMilliseconds),
  )
  const trainRate = median(
    steady.map(({ trainedTokens, trainMilliseconds }) => (1000 * trainedTokens) / trainMilliseconds),
  )
  return {
    parameters: model.parameters().reduce((sum, { name }) => sum + (variables.get(name)?.size ?? 0), 0),
    ...{ completions: questions * group, prompt_tokens: prompt, completion_tokens: completion },
    ...{ precision: options.precision, rollout_precision: options.rolloutPrecision },
    ...{ rollout_tokens_per_second: rolloutRate, train_tokens_per_second: trainRate },
    ...{ steps_per_minute: 60_000 / median(times), step_ms: median(times), step_ms_best: Math.min(...times) },
    ...{ engine_tokens_per_second: engineRate, trainer_tokens_per_second: trainerRate },
    ...{ rollout_of_engine: rolloutRate / engineRate, train_of_trainer: trainRate / trainerRate },
    mismatch: median(steady.map(({ metrics }) => metrics.mismatch ?? 0)),
    peak_rss_mb: peakMemoryMb(),
  }
}
