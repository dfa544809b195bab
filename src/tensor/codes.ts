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

/** The blocks of so many numbers: where each begins and ends. */
function* blocksOf(count: number, block: number): Generator<readonly [index: number, begin: number, end: number]> {
  for (let index = 0, begin = 0; begin < count; index++, begin += block) {
    yield [index, begin, Math.min(begin + block, count)]
  }
}

function largestOf(values: Float32Array, begin: number, end: number): number {
  let largest = 0
  for (let at = begin; at < end; at++) largest = Math.max(largest, Math.abs(values[at] as number))
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

/** Cells in each unit of length, of which none holds more than one border. */
const cells = 1024

/** The code of each cell's lower end, from −1 on. */
const codesOfCells = Uint8Array.from({ length: 2 * cells + 1 }, (_, cell) => nearestLevel(cell / cells - 1))

/** As `nearestLevel`, in two looks. */
function codeOf(value: number): number {
  const code = codesOfCells[((value + 1) * cells) | 0] as number
  return value > (borders[code] as number) ? code + 1 : code
}

/**
 * Numbers as NF4 codes, two a byte, the first in the high half (as bitsandbytes packs them).
 *
 * @param values an even count of numbers in memory order
 * @param block numbers that share a scale, even
 */
export function encodeNF4(values: Float32Array, block = nf4Block): Coded<Uint8Array> {
  const scales = new Float32Array(Math.ceil(values.length / block))
  const codes = new Uint8Array(values.length / 2)
  for (const [index, begin, end] of blocksOf(values.length, block)) {
    const scale = largestOf(values, begin, end)
    scales[index] = scale
    const divisor = scale || 1
    for (let at = begin; at < end; at += 2) {
      const [first, second] = [(values[at] as number) / divisor, (values[at + 1] as number) / divisor]
      codes[at >> 1] = (codeOf(first) << 4) | codeOf(second)
    }
  }
  return { codes, scales }
}

/**
 * Numbers as signed bytes: scale = largest absolute value of the block / 127, code = number / scale rounded to the nearest.
 *
 * @param block numbers that share a scale: the row's length gives one scale a row
 */
export function encodeInt8(values: Float32Array, block: number): Coded<Int8Array> {
  const scales = new Float32Array(Math.ceil(values.length / block))
  const codes = new Int8Array(values.length)
  for (const [index, begin, end] of blocksOf(values.length, block)) {
    const scale = Math.fround(largestOf(values, begin, end) / 127)
    scales[index] = scale
    const divisor = scale || 1
    for (let at = begin; at < end; at++) {
      codes[at] = Math.max(-127, Math.min(127, Math.round((values[at] as number) / divisor)))
    }
  }
  return { codes, scales }
}

/** The numbers that NF4 codes stand for. */
export function decodeNF4({ codes, scales }: Coded<Uint8Array>, block = nf4Block): Float32Array {
  const values = new Float32Array(2 * codes.length)
  for (const [index, begin, end] of blocksOf(values.length, block)) {
    const scale = scales[index] as number
    for (let at = begin; at < end; at += 2) {
      const byte = codes[at >> 1] as number
      values[at] = scale * (nf4Levels[byte >> 4] as number)
      values[at + 1] = scale * (nf4Levels[byte & 15] as number)
    }
  }
  return values
}

/** The numbers that signed bytes stand for. */
export function decodeInt8({ codes, scales }: Coded<Int8Array>, block: number): Float32Array {
  const values = new Float32Array(codes.length)
  for (const [index, begin, end] of blocksOf(codes.length, block)) {
    const scale = scales[index] as number
    for (let at = begin; at < end; at++) values[at] = scale * (codes[at] as number)
  }
  return values
}
