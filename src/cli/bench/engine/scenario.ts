import type { TextModel } from '../../../generate/index.ts'

/** What every part of `r1 bench engine` is given. */
export interface Scenario {
  readonly model: TextModel
  readonly threads: number
  readonly rounds: number
  /** Tokens of each text. */
  readonly tokens: number
  /** To be summarised, by name; the built-in passage alone where there are none. */
  readonly texts: ReadonlyMap<string, string>
  readonly signal: AbortSignal
}

/** Tokens of a text and when each came, in milliseconds from the request. */
export async function timed(stream: AsyncIterable<{ readonly id: number }>) {
  const started = performance.now()
  const ids: number[] = []
  const times: number[] = []
  for await (const { id } of stream) {
    ids.push(id)
    times.push(performance.now() - started)
  }
  return { ids, times }
}

/** Milliseconds from the first token to the last, for each token after the first. */
export function perToken(times: readonly number[]): number {
  return ((times.at(-1) ?? Number.NaN) - (times[0] ?? Number.NaN)) / (times.length - 1)
}
