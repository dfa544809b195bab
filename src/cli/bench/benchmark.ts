import type { Option, OptionValues } from 'commander'

/** What a benchmark is given besides its options. */
export interface BenchmarkContext {
  /** Aborted by Ctrl+C. */
  signal: AbortSignal
  /** Says what is being measured; shown while it runs when a person is watching. */
  progress(message: string): void
}

/**
 * A benchmark that `r1 bench <name>` runs. Its file loads with the command's help, so it is light: `run` imports
 * what it measures when it is called.
 *
 * @typeParam Options - values of `options`, by name in camel case
 * @typeParam Rows - what it measured: printed as it is with `--json`, through `format` otherwise
 */
export interface Benchmark<Options extends OptionValues = OptionValues, Rows = unknown> {
  name: string
  /** One sentence: what is measured, in which unit. */
  summary: string
  options: readonly Option[]
  /** Options that the example in its help needs. */
  example?: string
  run(options: Options, context: BenchmarkContext): Promise<Rows>
  format(rows: Rows): string
}
