import { Option } from 'commander'
import { runApart } from './apart.ts'
import type { Benchmark } from './benchmark.ts'
import type { RlRow } from './rl-run.ts'

interface RlOptions {
  readonly layers: string
  readonly hidden: string
  readonly questions: string
  readonly group: string
  readonly prompt: string
  readonly completion: string
  readonly steps: string
  readonly slots: string
  readonly rows: string
  readonly threads: string
  readonly precision: 'f32' | 'bf16'
  readonly rolloutPrecision: 'f32' | 'bf16'
  readonly here?: boolean
}

/** Options as words of a command line. */
const wordsOf = ({ here: _, rolloutPrecision, ...options }: RlOptions): string[] => [
  ...Object.entries(options).flatMap(([name, value]) =>
    [
      'layers',
      'hidden',
      'questions',
      'group',
      'prompt',
      'completion',
      'steps',
      'slots',
      'rows',
      'threads',
      'precision',
    ].includes(name)
      ? [`--${name}`, String(value)]
      : [],
  ),
  '--rollout-precision',
  rolloutPrecision,
]

/** `r1 bench rl` */
export const rl: Benchmark<RlOptions & Record<string, unknown>, RlRow> = {
  name: 'rl',
  summary: 'Steps of GRPO on a model of bytes: completions drawn and learnt from, in tokens a second.',
  options: [
    new Option('--layers <n>', 'layers of the model').default('6'),
    new Option('--hidden <n>', 'width of the model').default('256'),
    new Option('--questions <n>', 'questions of a step').default('16'),
    new Option('--group <n>', 'completions of each').default('16'),
    new Option('--prompt <n>', 'tokens of a prompt').default('32'),
    new Option('--completion <n>', 'tokens of a completion, all of the same length').default('128'),
    new Option('--steps <n>', 'steps; the first is warm-up').default('4'),
    new Option('--slots <n>', 'completions side by side').default('64'),
    new Option('--rows <n>', 'rows of a part of an update').default('16'),
    new Option('--threads <n>', 'threads').default('2'),
    new Option('--precision <name>', 'operands inside products while learning')
      .choices(['f32', 'bf16'])
      .default('bf16'),
    new Option('--rollout-precision <name>', 'the same while completions are drawn')
      .choices(['f32', 'bf16'])
      .default('f32'),
    new Option('--here', 'measure in this process').hideHelp(),
  ],
  async run(options, { signal, progress }) {
    if (!options.here) return (await runApart(['rl', '--here', ...wordsOf(options)], signal)) as RlRow
    const { runReinforcement } = await import('./rl-run.ts')
    const number = (name: keyof RlOptions) => Number(options[name])
    return runReinforcement(
      {
        ...{ layers: number('layers'), hidden: number('hidden'), questions: number('questions') },
        ...{ group: number('group'), prompt: number('prompt'), completion: number('completion') },
        ...{ steps: number('steps'), slots: number('slots'), rows: number('rows'), threads: number('threads') },
        ...{ precision: options.precision, rolloutPrecision: options.rolloutPrecision },
      },
      progress,
    )
  },
  format(row) {
    const share = (value: number) => `${(100 * value).toFixed(0)} %`
    return [
      `${(row.parameters / 1e6).toFixed(2)} M parameters, ${row.completions} completions of ${row.completion_tokens} tokens a step, ${row.precision} learning, ${row.rollout_precision} drawing`,
      `drawing   ${row.rollout_tokens_per_second.toFixed(0)} tokens/s, ${share(row.rollout_of_engine)} of the engine alone (${row.engine_tokens_per_second.toFixed(0)})`,
      `learning  ${row.train_tokens_per_second.toFixed(0)} tokens/s, ${share(row.train_of_trainer)} of plain training steps (${row.trainer_tokens_per_second.toFixed(0)})`,
      `steps     ${row.steps_per_minute.toFixed(2)} a minute`,
      `mismatch  ${row.mismatch.toExponential(1)} nats a token`,
      `memory    ${row.peak_rss_mb.toFixed(0)} MB`,
    ].join('\n')
  },
}
