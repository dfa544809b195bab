/*
 * Weights stored as codes: a number is the scale of its block times the level of its code. Blocks are consecutive numbers in
 * memory order, whatever the rows.
 */

/**
 * The 16 levels of NF4: quantiles of a normal distribution, scaled to −1 … 1, with zero among them (QLoRA, Dettmers et al.
 * 2023, arXiv:2305.14314, appendix E).
 */
export const nf4Levels: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
]

/** Numbers of a block where nothing else is said: what QLoRA takes. */
export const nf4Block = 64

/** Codes and their scales, one for each block. */
export interface Coded<Codes extends Uint8Array | Int8Array> {
  readonly codes: Codes
  readonly scales: Float32Array
}

/** Largest absolute value of each block. */
function largestOfBlocks(values: Float32Array, block: number): Float32Array {
  const largest = new Float32Array(Math.ceil(values.length / block))
  for (let at = 0; at < values.length; at++) {
    const of = Math.floor(at / block)
    largest[of] = Math.max(largest[of] as number, Math.abs(values[at] as number))
  }
  return largest
}

/** Between two levels: a number above it takes the upper one. */
const borders = nf4Levels.slice(1).map((level, at) => (level + (nf4Levels[at] as number)) / 2)

/** The code whose level is nearest to a number in −1 … 1. */
function nearestLevel(value: number): number {
  let [low, high] = [0, borders.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > (borders[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Numbers as NF4 codes, two a byte, the first in the high half (as bitsandbytes packs them).
 *
 * @param values an even count of numbers in memory order
 * @param block numbers that share a scale, even
 */
export function encodeNF4(values: Float32Array, block = nf4Block): Coded<Uint8Array> {
  const scales = largestOfBlocks(values, block)
  const codes = new Uint8Array(values.length / 2)
  for (let at = 0; at < values.length; at++) {
    const scale = scales[Math.floor(at / block)] as number
    const code = nearestLevel(scale === 0 ? 0 : (values[at] as number) / scale)
    codes[at >> 1] = (codes[at >> 1] as number) | (at % 2 === 0 ? code << 4 : code)
  }
  return { codes, scales }
}

/**
 * Numbers as signed bytes: scale = largest absolute value of the block / 127, code = number / scale rounded to the nearest.
 *
 * @param block numbers that share a scale: the row's length gives one scale a row
 */
export function encodeInt8(values: Float32Array, block: number): Coded<Int8Array> {
  const scales = largestOfBlocks(values, block).map((largest) => largest / 127)
  const codes = new Int8Array(values.length)
  for (let at = 0; at < values.length; at++) {
    const scale = scales[Math.floor(at / block)] as number
    codes[at] = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round((values[at] as number) / scale)))
  }
  return { codes, scales }
}

/** The numbers that NF4 codes stand for. */
export function decodeNF4({ codes, scales }: Coded<Uint8Array>, block = nf4Block): Float32Array {
  return Float32Array.from({ length: 2 * codes.length }, (_, at) => {
    const byte = codes[at >> 1] as number
    return (scales[Math.floor(at / block)] as number) * (nf4Levels[at % 2 === 0 ? byte >> 4 : byte & 15] as number)
  })
}

/** The numbers that signed bytes stand for. */
export function decodeInt8({ codes, scales }: Coded<Int8Array>, block: number): Float32Array {
  return Float32Array.from(codes, (code, at) => (scales[Math.floor(at / block)] as number) * code)
}
