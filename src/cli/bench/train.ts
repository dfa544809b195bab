import { Option } from 'commander'
import { R1Error } from '../../errors.ts'
import { runApart } from './apart.ts'
import type { Benchmark } from './benchmark.ts'
import { trainNames } from './train-names.ts'
import type { TrainRow } from './train-run.ts'

interface TrainOptions {
  readonly config: readonly string[]
  readonly steps: string
  readonly threads: string
  readonly precision: 'f32' | 'bf16'
  readonly kernels: boolean
  readonly here?: boolean
}

/** Measures one configuration in a process of its own, so that its peak memory is its own. */
async function measureApart(name: string, options: TrainOptions, signal: AbortSignal): Promise<TrainRow[]> {
  const { steps, threads, precision, kernels } = options
  const flags = ['--config', name, '--steps', steps, '--threads', threads, '--precision', precision]
  return (await runApart(['train', '--here', ...flags, ...(kernels ? [] : ['--no-kernels'])], signal)) as TrainRow[]
}

async function measureHere(name: string, options: TrainOptions): Promise<TrainRow> {
  const [{ trainConfigurations }, { runTraining }, { measureRoof }] = await Promise.all([
    import('./train-configurations.ts'),
    import('./train-run.ts'),
    import('./roof.ts'),
  ])
  const configuration = trainConfigurations.find((known) => known.name === name)
  if (!configuration) {
    throw new R1Error('unknown-configuration', `There is no training configuration '${name}'.`, {
      remedy: `Use one of ${trainNames.join(', ')}.`,
    })
  }
  const threads = Number(options.threads)
  const gflops = await measureRoof({ threads, rounds: 6 })
  const { precision, kernels } = options
  return runTraining(configuration, { steps: Number(options.steps), threads, precision, kernels }, gflops)
}

/** `r1 bench train` */
export const train: Benchmark<TrainOptions & Record<string, unknown>, readonly TrainRow[]> = {
  name: 'train',
  summary: 'Training steps of Llama decoders, in tokens a second.',
  options: [
    new Option('--config <names...>', 'which configurations').default(trainNames, 'all'),
    new Option('--steps <n>', 'steps of each; the first two are warm-up').default('8'),
    new Option('--threads <n>', 'threads of a step').default('2'),
    new Option('--precision <name>', 'operands inside matrix products').choices(['f32', 'bf16']).default('f32'),
    new Option('--no-kernels', "only ONNX Runtime's own operators"),
    new Option('--here', 'measure in this process').hideHelp(),
  ],
  async run(options, { signal, progress }) {
    const rows: TrainRow[] = []
    for (const name of options.config) {
      progress(name)
      if (options.here) rows.push(await measureHere(name, options))
      else rows.push(...(await measureApart(name, options, signal)))
    }
    return rows
  },
  format(rows) {
    const head = ['config', 'Mparam', 'tok/s', 'GFLOPS', 'of gemm', 'ms/step', 'compile ms', 'RSS MB', 'gap ms', 'path']
    const lines = rows.map((row) => [
      row.config,
      (row.parameters / 1e6).toFixed(2),
      row.tokens_per_second.toFixed(0),
      row.gflops.toFixed(0),
      row.fraction_of_gemm.toFixed(2),
      row.ms_per_step.toFixed(0),
      row.compile_ms.toFixed(0),
      row.peak_rss_mb.toFixed(0),
      row.max_event_loop_gap_ms.toFixed(1),
      `${row.path} ${row.precision}`,
    ])
    return [head, ...lines]
      .map((cells) =>
        cells.map((cell, at) => (at === 0 ? cell.padEnd(14) : at === 9 ? `  ${cell}` : cell.padStart(11))).join(''),
      )
      .join('\n')
  },
}
