import { halfTable } from '../bytes/half.ts'
import { minimumOf, scaleOf } from './kquants.ts'
import { halfAt } from './layout.ts'

/*
 * Matrices as codes of 4 or 8 bits, a scale and perhaps an offset for each 32 numbers: scale · (code − 2^(bits − 1)) + offset,
 * two codes of 4 bits a byte, the first one low. What ONNX Runtime multiplies by itself.
 */

/** A matrix or a part of one, by blocks of 32 numbers. */
export interface BlockCodes {
  readonly bits: 4 | 8
  /** 4 · bits bytes a block. */
  readonly codes: Uint8Array
  /** One a block. */
  readonly scales: Float32Array
  readonly offsets: Float32Array | undefined
}

/** Block types whose numbers these codes hold exactly. */
export const exactCodes = { Q4_0: 4, Q4_1: 4, Q4_K: 4, Q8_0: 8 } as const

export type ExactType = keyof typeof exactCodes

export const isExactType = (type: string): type is ExactType => Object.hasOwn(exactCodes, type)

/** Whether the codes of a type have offsets. */
export const hasOffsets = (type: ExactType): boolean => type === 'Q4_1' || type === 'Q4_K'

/** Writes the block's 32 codes of 4 bits, which stand in 16 bytes: number i low and i + 16 high. */
function interleave(blocks: Uint8Array, at: number, codes: Uint8Array, to: number): void {
  for (let pair = 0; pair < 8; pair += 1) {
    const [first, second] = [blocks[at + 2 * pair] as number, blocks[at + 2 * pair + 1] as number]
    codes[to + pair] = (first & 15) | ((second & 15) << 4)
    codes[to + 8 + pair] = (first >> 4) | (second & 240)
  }
}

/**
 * The codes of ggml blocks.
 *
 * @param blocks as a GGUF file has them
 * @param count how many numbers they hold
 */
export function codesOfBlocks(type: ExactType, blocks: Uint8Array, count: number): BlockCodes {
  const half = halfTable()
  const bits = exactCodes[type]
  const size = count / 32
  const codes = new Uint8Array(size * 4 * bits)
  const scales = new Float32Array(size)
  const offsets = hasOffsets(type) ? new Float32Array(size) : undefined
  for (let block = 0; block < size; block += 1) {
    const to = block * 4 * bits
    if (type === 'Q8_0') {
      const at = block * 34
      scales[block] = halfAt(blocks, at, half)
      for (let index = 0; index < 32; index += 1) codes[to + index] = (blocks[at + 2 + index] as number) ^ 128
    } else if (type === 'Q4_K') {
      const [at, group] = [(block >> 3) * 144, block & 7]
      const scale = halfAt(blocks, at, half) * scaleOf(blocks, at + 4, group)
      scales[block] = scale
      ;(offsets as Float32Array)[block] = 8 * scale - halfAt(blocks, at + 2, half) * minimumOf(blocks, at + 4, group)
      const [numbers, shift] = [at + 16 + (group >> 1) * 32, (group & 1) * 4]
      for (let pair = 0; pair < 16; pair += 1) {
        const [first, second] = [blocks[numbers + 2 * pair] as number, blocks[numbers + 2 * pair + 1] as number]
        codes[to + pair] = ((first >> shift) & 15) | (((second >> shift) & 15) << 4)
      }
    } else {
      const at = block * (offsets ? 20 : 18)
      const scale = halfAt(blocks, at, half)
      scales[block] = scale
      if (offsets) offsets[block] = halfAt(blocks, at + 2, half) + 8 * scale
      interleave(blocks, at + (offsets ? 4 : 2), codes, to)
    }
  }
  return { bits, codes, scales, offsets }
}

/** Codes of 8 bits of numbers, as near as one scale for 32 of them allows. */
function bytesOfFloats(values: Float32Array): BlockCodes {
  const codes = new Uint8Array(values.length)
  const scales = new Float32Array(values.length / 32)
  for (let block = 0; block < scales.length; block += 1) {
    let largest = 0
    for (let at = 32 * block; at < 32 * block + 32; at += 1) largest = Math.max(largest, Math.abs(values[at] as number))
    const scale = largest / 127
    scales[block] = scale
    for (let at = 32 * block; at < 32 * block + 32; at += 1)
      codes[at] = 128 + (scale === 0 ? 0 : Math.round((values[at] as number) / scale))
  }
  return { bits: 8, codes, scales, offsets: undefined }
}

/** Codes of 4 bits of numbers: 16 steps from the smallest to the largest of 32. */
function nibblesOfFloats(values: Float32Array): BlockCodes {
  const codes = new Uint8Array(values.length / 2)
  const scales = new Float32Array(values.length / 32)
  const offsets = new Float32Array(scales.length)
  for (let block = 0; block < scales.length; block += 1) {
    const part = values.subarray(32 * block, 32 * block + 32)
    const [smallest, largest] = [Math.min(...part), Math.max(...part)]
    const scale = (largest - smallest) / 15
    scales[block] = scale
    offsets[block] = smallest + 8 * scale
    const code = (at: number) => (scale === 0 ? 0 : Math.round(((part[at] as number) - smallest) / scale))
    for (let pair = 0; pair < 16; pair += 1) codes[16 * block + pair] = code(2 * pair) | (code(2 * pair + 1) << 4)
  }
  return { bits: 4, codes, scales, offsets }
}

/**
 * The codes of numbers.
 *
 * @param values a multiple of 32
 */
export function codesOfFloats(bits: 4 | 8, values: Float32Array): BlockCodes {
  return bits === 8 ? bytesOfFloats(values) : nibblesOfFloats(values)
}
