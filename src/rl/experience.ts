import { NDArray } from '../runtime/array.ts'
import type { Batch } from '../train/batch.ts'

/** One completion to learn from. P tokens of prompt, C of completion. */
export interface Experience {
  /** `[P]`, at least one token. */
  readonly prompt: ArrayLike<number>
  /** `[C]` */
  readonly completion: ArrayLike<number>
  /** What a batch holds beside tokens for each token of the completion, `[C]`, by name. */
  readonly columns: Readonly<Record<string, ArrayLike<number>>>
}

/** The shape of a batch: R rows of S tokens. */
export interface BatchShape {
  readonly rows: number
  readonly length: number
}

/** Where the completion of an experience lies. */
interface Place {
  readonly experience: number
  readonly batch: number
  /** Of its first token's target in the flat batch. */
  readonly first: number
}

/** Experiences laid out in batches of one shape. */
export interface PackedExperiences extends Disposable {
  readonly batches: readonly Batch[]
  /** Takes values of a batch's tokens apart: `[R, S]` of each batch to `[C]` of each experience. */
  split(values: readonly ArrayLike<number>[]): Float32Array[]
  /** Frees the batches. */
  dispose(): void
}

/** Rows by first fit, the longest first: `rows[i]` lists the experiences of row i. */
function rowsOf(experiences: readonly Experience[], length: number): number[][] {
  const sizes = experiences.map(({ prompt, completion }) => prompt.length + completion.length - 1)
  const order = sizes.map((_, index) => index).sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b)
  const rows: { free: number; members: number[] }[] = []
  for (const index of order) {
    const size = sizes[index] as number
    const row = rows.find(({ free }) => free >= size)
    if (row) {
      row.free -= size
      row.members.push(index)
    } else rows.push({ free: length - size, members: [index] })
  }
  return rows.map(({ members }) => members)
}

/**
 * Lays experiences into as few batches of one shape as first fit finds; those of one row do not see each other. The batches
 * hold `counted` (1 at the targets that are tokens of completions) and the experiences' columns there; weights of 1 where
 * no column says another.
 *
 * @param names of the columns
 */
export function packExperiences(
  experiences: readonly Experience[],
  names: readonly string[],
  { rows, length }: BatchShape,
): PackedExperiences {
  const lines = rowsOf(experiences, length)
  const places: Place[] = []
  const batches: Batch[] = []
  for (let start = 0; start < lines.length; start += rows) {
    const words = () => new BigInt64Array(rows * length)
    const [ids, targets, positions, segments] = [words(), words(), words(), words().fill(-1n)]
    const columns = new Map(['counted', ...names].map((name) => [name, new Float32Array(rows * length)]))
    for (const [row, members] of lines.slice(start, start + rows).entries()) {
      let at = row * length
      for (const [segment, index] of members.entries()) {
        const experience = experiences[index] as Experience
        const { prompt, completion } = experience
        const tokens = [...Array.from(prompt), ...Array.from(completion)]
        for (let token = 0; token + 1 < tokens.length; token++) {
          ids[at + token] = BigInt(tokens[token] as number)
          targets[at + token] = BigInt(tokens[token + 1] as number)
          positions[at + token] = BigInt(token)
          segments[at + token] = BigInt(segment)
        }
        const first = at + prompt.length - 1
        places.push({ experience: index, batch: batches.length, first })
        columns.get('counted')?.fill(1, first, first + completion.length)
        for (const name of names) columns.get(name)?.set(experience.columns[name] ?? [], first)
        at += tokens.length - 1
      }
    }
    const i64 = (values: BigInt64Array<ArrayBuffer>) => NDArray.from(values, [rows, length], 'i64')
    const f32 = [...columns].map(([name, values]) => [name, NDArray.from(values, [rows, length])] as const)
    const arrays = Object.fromEntries(f32) as Record<string, NDArray>
    batches.push({
      ...{ ids: i64(ids), targets: i64(targets), positions: i64(positions), segments: i64(segments) },
      weights: arrays.counted as NDArray,
      ...arrays,
    })
  }
  const dispose = () => {
    for (const batch of batches) for (const array of new Set(Object.values(batch))) array?.dispose()
  }
  return {
    batches,
    dispose,
    [Symbol.dispose]: dispose,
    split(values) {
      const parts = experiences.map(({ completion }) => new Float32Array(completion.length))
      for (const { experience, batch, first } of places) {
        const part = parts[experience] as Float32Array
        for (let at = 0; at < part.length; at++) part[at] = (values[batch] as ArrayLike<number>)[first + at] as number
      }
      return parts
    },
  }
}
