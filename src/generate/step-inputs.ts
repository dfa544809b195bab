import { NDArray } from '../runtime/array.ts'
import { drawSettings, type TracedTree } from '../tensor/index.ts'
import type { SamplingOptions } from './sampling/options.ts'
import { roundedDown } from './sampling/rounded-down.ts'

/** The next tokens of one slot. */
export interface StepRow {
  readonly slot: number
  /** Tokens of the slot that are in the cache already. */
  readonly past: number
  /** What comes next; at least one. */
  readonly tokens: readonly number[]
  /** For how many tokens, counted from the last one, it is wanted what follows. */
  readonly wanted: number
  /** Whether that takes all logits, and not the most likely tokens alone. */
  readonly logits: boolean
  /** How the tokens that follow are drawn, where they are; without it the most likely ones are taken. */
  readonly draw?: TokenDraw | undefined
}

/** How what follows the wanted tokens of a row is drawn. */
export interface TokenDraw {
  readonly sampling: SamplingOptions
  /** A random number in (0, 1) for each wanted token. */
  readonly uniforms: readonly number[]
}

const matrix = { dtype: 'i64', shape: ['batch', 'time'] } as const
const column = { dtype: 'i64', shape: ['batch'] } as const

/** What a step is told, besides the variables. */
export const inputTypes = {
  ids: matrix,
  positions: matrix,
  segments: matrix,
  slots: column,
  lengths: column,
  wanted: { dtype: 'i64', shape: ['rows'] },
} as const

/** How each wanted token is drawn, as `drawToken` reads it. */
export const drawing = { draws: { dtype: 'f32', shape: ['rows', drawSettings] } } as const

export type StepTensors = TracedTree<typeof inputTypes> & Partial<TracedTree<typeof drawing>>

/** B rows, S tokens in the longest, N of them wanted. */
export interface StepSize {
  readonly batch: number
  readonly time: number
  readonly wanted: number
}

/**
 * How much a step over these rows takes.
 *
 * @param fewest tokens that a row, and what is wanted, is filled up to
 */
export function sizeOf(rows: readonly StepRow[], fewest: number): StepSize {
  return {
    batch: rows.length,
    time: rows.reduce((longest, { tokens }) => Math.max(longest, tokens.length), fewest),
    wanted: Math.max(
      fewest,
      rows.reduce((sum, { wanted }) => sum + wanted, 0),
    ),
  }
}

/** The arrays that steps of one size are told by, filled anew for each. */
export class StepInputs implements Disposable {
  private readonly size: StepSize
  private readonly ids: NDArray<'i64'>
  private readonly positions: NDArray<'i64'>
  private readonly segments: NDArray<'i64'>
  private readonly slots: NDArray<'i64'>
  private readonly lengths: NDArray<'i64'>
  private readonly wanted: NDArray<'i64'>
  private readonly settings: NDArray<'f32'> | undefined

  /** @param draws whether the step draws tokens */
  constructor(size: StepSize, draws: boolean) {
    const { batch, time, wanted } = size
    const [matrix, column] = [() => NDArray.zeros([batch, time], 'i64'), () => NDArray.zeros([batch], 'i64')]
    this.size = size
    this.ids = matrix()
    this.positions = matrix()
    this.segments = matrix()
    this.slots = column()
    this.lengths = column()
    this.wanted = NDArray.zeros([wanted], 'i64')
    this.settings = draws ? NDArray.zeros([wanted, drawSettings]) : undefined
  }

  /** In the order of {@link inputTypes} and {@link drawing}. */
  get arrays(): NDArray[] {
    const { ids, positions, segments, slots, lengths, wanted, settings } = this
    return [ids, positions, segments, slots, lengths, wanted, ...(settings ? [settings] : [])]
  }

  /** Says what the next step does: rows of this size. */
  fill(rows: readonly StepRow[]): void {
    const { time } = this.size
    const [ids, positions, segments] = [this.ids.data.fill(0n), this.positions.data.fill(0n), this.segments.data]
    const [slots, lengths, wanted] = [this.slots.data, this.lengths.data, this.wanted.data]
    segments.fill(-1n)
    let next = 0
    for (const [row, { tokens, past, slot, wanted: count }] of rows.entries()) {
      for (const [at, token] of tokens.entries()) {
        const place = row * time + at
        ids[place] = BigInt(token)
        positions[place] = BigInt(past + at)
        segments[place] = 0n
      }
      for (let at = tokens.length - count; at < tokens.length; at++) wanted[next++] = BigInt(row * time + at)
      slots[row] = BigInt(slot)
      lengths[row] = BigInt(past)
    }
    wanted.fill(wanted[0] as bigint, next)
    if (this.settings) fillSettings(this.settings.data, rows)
  }

  [Symbol.dispose](): void {
    for (const array of this.arrays) array.dispose()
  }
}

/** What nobody draws costs nothing at temperature 0. */
function fillSettings(settings: Float32Array, rows: readonly StepRow[]): void {
  settings.fill(0)
  let at = 0
  for (const { wanted, draw } of rows) {
    for (const [index, uniform] of (draw?.uniforms ?? []).entries()) {
      const { temperature = 0, topK = 0, topP = 1, minP = 0 } = draw?.sampling ?? {}
      settings.set([temperature, topK, roundedDown(topP), minP, uniform], (at + index) * drawSettings)
    }
    at += wanted
  }
}
