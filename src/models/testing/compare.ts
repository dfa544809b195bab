import { NDArray } from '../../runtime/array.ts'
import type { Reference } from './fixture.ts'
import { columns, type ModelRunner, oneToken, row, type Tokens } from './runner.ts'

/** Prompts of a fixture, padded on one side. */
export interface Prompts {
  readonly tokens: Tokens & { readonly segments: NDArray }
  /** Tokens of each row. */
  readonly lengths: readonly number[]
  /** Places of all tokens that are not padding, row by row. */
  readonly places: readonly number[]
}

/** The prompts as the reference saw them, padded right, or left where `side` says so. */
export async function promptsOf(reference: Reference, side: 'right' | 'left' = 'right'): Promise<Prompts> {
  const name = (tensor: string) => (side === 'left' ? `left.${tensor}` : tensor)
  const mask = await reference.integers(name('attention_mask'))
  const [rows, width] = mask.shape as [number, number]
  const data = [...mask.data].map(Number)
  return {
    tokens: {
      ids: await reference.integers(name('input_ids')),
      positions: await reference.integers(name('position_ids')),
      segments: NDArray.from(
        data.map((real) => BigInt(real - 1)),
        mask.shape,
        'i64',
      ),
    },
    lengths: Array.from({ length: rows }, (_, at) =>
      data.slice(at * width, (at + 1) * width).reduce((sum, real) => sum + real, 0),
    ),
    places: data.flatMap((real, place) => (real ? [place] : [])),
  }
}

/** Rows of `width` numbers at the given places, one after the other. */
export function rowsAt(values: Float32Array, places: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(places.length * width)
  for (const [at, place] of places.entries())
    picked.set(values.subarray(place * width, (place + 1) * width), at * width)
  return picked
}

/** Largest absolute difference. */
export function largestGap(left: Float32Array, right: Float32Array): number {
  if (left.length !== right.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let at = 0; at < left.length; at++) {
    const gap = Math.abs((left[at] as number) - (right[at] as number))
    if (!(gap <= largest)) largest = gap
  }
  return largest
}

/** Logits of the tokens that are not padding, computed over a cache in two steps of which the first has `first` columns. */
export async function logitsInTwoSteps(runner: ModelRunner, prompts: Prompts, first: number): Promise<Float32Array> {
  const { ids, positions, segments } = prompts.tokens
  const [rows, width] = ids.shape as [number, number]
  const { vocabulary } = runner.model
  const part = (from: number, to: number) => ({
    ids: columns(ids, from, to),
    positions: columns(positions, from, to),
    segments: columns(segments, from, to),
  })
  const begun = await runner.over(runner.emptyCache(rows, width + 3), part(0, first))
  const ended = await runner.over(begun.cache, part(first, width))
  const whole = new Float32Array(rows * width * vocabulary)
  for (let at = 0; at < rows; at++) {
    const rest = width - first
    const begin = at * width * vocabulary
    whole.set(begun.logits.subarray(at * first * vocabulary, (at + 1) * first * vocabulary), begin)
    whole.set(ended.logits.subarray(at * rest * vocabulary, (at + 1) * rest * vocabulary), begin + first * vocabulary)
  }
  return rowsAt(whole, prompts.places, vocabulary)
}

/** Logits of every row computed by itself, without padding. */
export async function logitsAlone(runner: ModelRunner, { tokens, lengths }: Prompts): Promise<Float32Array> {
  const parts: number[] = []
  for (const [at, length] of lengths.entries()) {
    const alone = { ids: row(tokens.ids, at, length), positions: row(tokens.positions, at, length) }
    for (const value of await runner.logits(alone)) parts.push(value)
  }
  return Float32Array.from(parts)
}

/** Greedy continuations of all rows side by side: the prompts in one step, then one token a step over the cache. */
export async function greedy(runner: ModelRunner, prompts: Prompts, count: number): Promise<bigint[][]> {
  const { tokens, lengths, places } = prompts
  const [rows, width] = tokens.ids.shape as [number, number]
  const ends = lengths.map((_, at) => places.filter((place) => Math.floor(place / width) === at).at(-1) as number)
  let step = await runner.over(runner.emptyCache(rows, width + count), tokens)
  let next = ends.map((place) => step.best[place] as bigint)
  const found = next.map((token) => [token])
  for (let done = 1; done < count; done++) {
    const more = oneToken(
      next,
      lengths.map((length) => length + done - 1),
    )
    step = await runner.over(step.cache, more)
    next = [...step.best]
    for (const [at, token] of next.entries()) found[at]?.push(token)
  }
  return found
}
