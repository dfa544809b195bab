import { bindModel } from '../../models/bind.ts'
import { llama } from '../../models/llama.ts'
import { kernelLibrary } from '../../runtime/kernels.ts'
import { Variables } from '../../runtime/variables.ts'
import { windowBatch } from '../../train/batch.ts'
import { nextToken } from '../../train/objectives/next-token.ts'
import { TrainingStep } from '../../train/step.ts'
import { EventLoopWatch, median, peakMemoryMb } from './measure.ts'
import { linearLayers, stepOperations, type TrainConfiguration } from './train-configurations.ts'

export interface TrainRunOptions {
  readonly steps: number
  readonly threads: number
  readonly precision: 'f32' | 'bf16'
  readonly kernels: boolean
}

export interface TrainRow {
  readonly config: string
  readonly parameters: number
  readonly tokens_per_second: number
  readonly gflops: number
  readonly fraction_of_gemm: number
  readonly ms_per_step: number
  readonly ms_best: number
  readonly compile_ms: number
  readonly peak_rss_mb: number
  readonly max_event_loop_gap_ms: number
  /** Instruction set of the native kernels, or `stock` without them. */
  readonly path: string
  readonly precision: 'f32' | 'bf16'
  readonly losses: readonly number[]
}

/** Tokens with structure enough that the loss falls: position squared, modulo the vocabulary. */
function tokens(count: number, vocabulary: number): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from({ length: count }, (_, at) =>
    BigInt((at * at * 7 + (at >> 3) * 13) % Math.min(vocabulary, 4096)),
  )
}

/** Measures training steps of one configuration in this process. */
export async function runTraining(
  configuration: TrainConfiguration,
  { steps, threads, precision, kernels }: TrainRunOptions,
  gemmGflops: number,
): Promise<TrainRow> {
  const { model, batch, length, adapterRank } = configuration
  const adapter = adapterRank && {
    rank: adapterRank,
    alpha: 2 * adapterRank,
    accepts: (layer: string) => linearLayers.test(layer),
  }
  using variables = new Variables(7)
  using step = new TrainingStep({ model: bindModel(llama, model), variables }, nextToken, {
    threads,
    kernels,
    precision,
    scope: adapter ? { adapter } : {},
  })
  const ids = tokens(batch * length, model.vocab_size)
  const targets = ids.map((_, at) => ids[(at + 1) % ids.length] as bigint)
  const window = windowBatch(ids, targets, [batch, length])
  const started = performance.now()
  await step.prepare(window)
  const compileMs = performance.now() - started

  const times: number[] = []
  const losses: number[] = []
  let watch: EventLoopWatch | undefined
  for (let index = 1; index <= steps; index++) {
    const before = performance.now()
    const { loss } = await step.run(window, { index: 0, of: 1, weight: batch * length }, index, 1e-3)
    times.push(performance.now() - before)
    losses.push(loss / (batch * length))
    // The first step makes the variables and the memory plan.
    if (index === 1) watch = new EventLoopWatch()
  }
  const gap = watch?.stop() ?? 0
  const steady = times.slice(Math.min(2, times.length - 1))
  const typical = median(steady)
  const gflops = stepOperations(configuration) / typical / 1e6
  return {
    config: configuration.name,
    parameters: variables.names
      .filter((name) => !name.endsWith('_moment'))
      .reduce((sum, name) => sum + (variables.get(name)?.size ?? 0), 0),
    tokens_per_second: (batch * length * 1000) / typical,
    gflops,
    fraction_of_gemm: gflops / gemmGflops,
    ms_per_step: typical,
    ms_best: Math.min(...steady),
    compile_ms: compileMs,
    peak_rss_mb: peakMemoryMb(),
    max_event_loop_gap_ms: gap,
    path: (kernels && kernelLibrary().instructions) || 'stock',
    precision,
    losses,
  }
}
