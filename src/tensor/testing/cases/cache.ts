import { type CachedAttentionOptions, cachedAttention, type Dimension, placeBlock, type Tensor } from '../../index.ts'
import { type CaseInput, type CaseValues, fixed, floats, integers, type OperatorCase } from '../case.ts'
import { indicesOf, make, Plain, total } from '../plain.ts'

/** A step of two rows, S tokens each, over three slots. */
export interface CachedCase extends Pick<CachedAttentionOptions, 'window' | 'scale' | 'softcap'> {
  readonly time?: number
  readonly heads?: number
  readonly keyHeads?: number
  readonly width?: number
  readonly valueWidth?: number
  readonly places?: number
  readonly lengths?: readonly number[]
  /** The slot of each row, of one slot more than there are rows. */
  readonly slots?: readonly number[]
  /** −1 is padding. */
  readonly segments?: readonly number[]
  /** Features that turn. */
  readonly turned?: number
}

const extentsOf = (options: CachedCase) => ({
  time: 2,
  heads: 4,
  keyHeads: 2,
  width: 4,
  valueWidth: options.width ?? 4,
  places: 32,
  lengths: [0, 17],
  turned: 0,
  window: 0,
  softcap: 0,
  ...options,
})

export function cachedInputs(options: CachedCase, batch: Dimension): Record<string, CaseInput> {
  const { time, heads, keyHeads, width, valueWidth, places, lengths, slots, segments, turned } = extentsOf(options)
  const slotCount = slots ? slots.length + 1 : batch
  return {
    q: floats(batch, time, heads, width),
    k: floats(batch, time, keyHeads, width),
    v: floats(batch, time, keyHeads, valueWidth),
    keys: floats(slotCount, keyHeads, places / placeBlock, width, placeBlock),
    values: floats(slotCount, keyHeads, places, valueWidth),
    lengths: integers(lengths, batch),
    ...(slots && { slots: integers(slots, batch) }),
    ...(segments && { segments: integers(segments, batch, time) }),
    ...(turned && {
      positions: integers([1, 0, 4, 2, 3, 1, 0], batch, time),
      cos: fixed(floats(5, turned / 2)),
      sin: fixed(floats(5, turned / 2)),
    }),
  }
}

export function buildCached({ q, k, v, keys, values, ...more }: Record<string, Tensor>, options: CachedCase): Tensor[] {
  const { lengths, slots, segments, positions, cos, sin } = more
  const rotary = positions && cos && sin && { positions, cos, sin }
  const { window, scale, softcap } = options
  const all = { lengths: lengths as Tensor, slots, segments, rotary, window, scale, softcap }
  const attended = cachedAttention(q as Tensor, k as Tensor, v as Tensor, keys as Tensor, values as Tensor, all)
  return [attended.mixed, attended.keys, attended.values]
}

/** Straight from the definition: the tokens of a row one after the other. */
function reference(inputs: CaseValues, options: CachedCase): Plain[] {
  const { time, heads, keyHeads, width, valueWidth, turned, window, softcap } = extentsOf(options)
  const { q, k, v, keys, values, lengths, slots, segments, positions, cos, sin } = inputs as Record<string, Plain>
  const scale = options.scale ?? 1 / Math.sqrt(width)
  const turn = (x: Plain | undefined) =>
    make((x as Plain).shape, (b, s, h, j) => {
      const at = (feature: number) => (x as Plain).at(b, s, h, feature)
      if (j >= turned) return at(j)
      const pair = j % (turned / 2)
      const angle = (table: Plain | undefined) => (table as Plain).at((positions as Plain).at(b, s), pair)
      return j < turned / 2
        ? at(j) * angle(cos) - at(j + turned / 2) * angle(sin)
        : at(j) * angle(cos) + at(j - turned / 2) * angle(sin)
    })
  const rows = (q as Plain).shape[0] as number
  const [queries, news] = [turn(q), turn(k)]
  const mixed = new Map<string, number>()
  const [keyMemory, valueMemory] = [new Map<string, number>(), new Map<string, number>()]
  const keyAt = (r: number, h: number, t: number, d: number) => {
    const index = [r, h, Math.floor(t / placeBlock), d, t % placeBlock]
    return keyMemory.get(index.join()) ?? (keys as Plain).at(...index)
  }
  const valueAt = (...index: number[]) => valueMemory.get(index.join()) ?? (values as Plain).at(...index)
  const range = (count: number) => Array.from({ length: count }, (_, index) => index)
  for (const b of range(rows)) {
    const r = slots ? slots.at(b) : b
    let place = (lengths as Plain).at(b)
    for (const s of range(time)) {
      if (segments && segments.at(b, s) < 0) continue
      for (const h of range(keyHeads)) {
        for (const d of range(width)) {
          const index = [r, h, Math.floor(place / placeBlock), d, place % placeBlock]
          keyMemory.set(index.join(), news.at(b, s, h, d))
        }
        for (const j of range(valueWidth)) valueMemory.set([r, h, place, j].join(), (v as Plain).at(b, s, h, j))
      }
      const first = window ? Math.max(0, place - window + 1) : 0
      const seen = range(place + 1 - first).map((t) => t + first)
      for (const h of range(heads)) {
        const group = Math.floor(h / (heads / keyHeads))
        const raw = seen.map(
          (t) => scale * total(range(width).map((d) => queries.at(b, s, h, d) * keyAt(r, group, t, d))),
        )
        const weights = raw.map((score) => Math.exp(softcap ? softcap * Math.tanh(score / softcap) : score))
        for (const j of range(valueWidth)) {
          const sum = total(seen.map((t, at) => (weights[at] as number) * valueAt(r, group, t, j)))
          mixed.set([b, s, h, j].join(), sum / total(weights))
        }
      }
      place++
    }
  }
  const updated = (buffer: Plain | undefined, memory: Map<string, number>) => {
    const { shape } = buffer as Plain
    return new Plain(
      shape,
      indicesOf(shape).map((index) => memory.get(index.join()) ?? (buffer as Plain).at(...index)),
    )
  }
  return [
    make([rows, time, heads, valueWidth], (...index) => mixed.get(index.join()) ?? 0),
    updated(keys, keyMemory),
    updated(values, valueMemory),
  ]
}

function cachedCase(name: string, options: CachedCase): OperatorCase {
  return {
    operator: 'cachedAttention',
    name,
    inputs: cachedInputs(options, options.slots ? options.slots.length : 'batch'),
    build: (inputs) => buildCached(inputs, options),
    reference: (inputs) => reference(inputs, options),
  }
}

export const cacheCases: readonly OperatorCase[] = [
  cachedCase('every row in its own slot', { turned: 4 }),
  cachedCase('one token a row, slots in another order', { time: 1, slots: [2, 0], turned: 2, lengths: [31, 3] }),
  cachedCase('window and soft cap', { time: 3, window: 4, softcap: 0.7, lengths: [2, 19] }),
  cachedCase('one key head, scaled', { time: 2, heads: 3, keyHeads: 1, scale: 0.3, slots: [1, 0] }),
]
