import { cachedLatentAttention, type Dimension, type Tensor } from '../../index.ts'
import { type CaseInput, type CaseValues, floats, integers, type OperatorCase } from '../case.ts'
import { indicesOf, make, Plain, total } from '../plain.ts'

/** A step of some rows, S tokens each, over a cache of compressed vectors. */
export interface LatentCase {
  readonly time: number
  readonly heads: number
  readonly width: number
  readonly valueWidth: number
  readonly places: number
  readonly lengths: readonly number[]
  /** The slot of each row, of one slot more than there are rows. */
  readonly slots?: readonly number[]
  /** −1 is padding. */
  readonly segments?: readonly number[]
}

const scale = 0.4

export function latentInputs(options: LatentCase, batch: Dimension): Record<string, CaseInput> {
  const { time, heads, width, places, lengths, slots, segments } = options
  return {
    q: floats(batch, time, heads, width),
    rows: floats(batch, time, width),
    vectors: floats(slots ? slots.length + 1 : batch, places, width),
    lengths: integers(lengths, batch),
    ...(slots && { slots: integers(slots, batch) }),
    ...(segments && { segments: integers(segments, batch, time) }),
  }
}

export function buildLatent(inputs: Record<string, Tensor>, { valueWidth }: LatentCase): Tensor[] {
  const { q, rows, vectors, lengths, slots, segments } = inputs
  const step = { lengths: lengths as Tensor, slots, segments }
  const attended = cachedLatentAttention(q as Tensor, rows as Tensor, vectors as Tensor, { ...step, scale, valueWidth })
  return [attended.mixed, attended.vectors]
}

/** Straight from the definition: the tokens of a row one after the other. */
function reference(inputs: CaseValues, { time, heads, width, valueWidth }: LatentCase): Plain[] {
  const { q, rows, vectors, lengths, slots, segments } = inputs as Record<string, Plain> &
    Record<'q' | 'rows' | 'vectors', Plain>
  const range = (count: number) => Array.from({ length: count }, (_, index) => index)
  const memory = new Map<string, number>()
  const mixed = new Map<string, number>()
  const batch = q.shape[0] as number
  const at = (...index: number[]) => memory.get(index.join()) ?? vectors.at(...index)
  for (const b of range(batch)) {
    const slot = slots ? slots.at(b) : b
    let place = (lengths as Plain).at(b)
    for (const s of range(time)) {
      if (segments && segments.at(b, s) < 0) continue
      for (const d of range(width)) memory.set([slot, place, d].join(), rows.at(b, s, d))
      for (const h of range(heads)) {
        const weights = range(place + 1).map((t) =>
          Math.exp(scale * total(range(width).map((d) => q.at(b, s, h, d) * at(slot, t, d)))),
        )
        for (const j of range(valueWidth)) {
          const sum = total(weights.map((weight, t) => weight * at(slot, t, j)))
          mixed.set([b, s, h, j].join(), sum / total(weights))
        }
      }
      place++
    }
  }
  return [
    make([batch, time, heads, valueWidth], (...index) => mixed.get(index.join()) ?? 0),
    new Plain(
      vectors.shape,
      indicesOf(vectors.shape).map((index) => at(...index)),
    ),
  ]
}

function latentCase(name: string, options: LatentCase): OperatorCase {
  return {
    operator: 'cachedLatentAttention',
    name,
    inputs: latentInputs(options, options.slots ? options.slots.length : 'batch'),
    build: (inputs) => buildLatent(inputs, options),
    reference: (inputs) => reference(inputs, options),
  }
}

const sizes = { heads: 3, width: 6, valueWidth: 4, places: 20, lengths: [0, 17] }

export const latentCases: readonly OperatorCase[] = [
  latentCase('every row in its own slot', { ...sizes, time: 2 }),
  latentCase('one token a row, slots in another order', { ...sizes, time: 1, slots: [2, 0], lengths: [19, 3] }),
]
