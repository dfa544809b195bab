/** The "K" formats: 256 elements a block, in 8 or 16 groups that each have a quantised scale of their own. */
import { type Dequantise, halfAt } from './layout.ts'

/** Q2_K: 16 bytes of scale (low nibble) and minimum (high), 64 of 2-bit numbers, d, dmin; y = d·scale·q − dmin·minimum. */
export const dequantiseQ2_K: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 84
    const d = halfAt(blocks, at + 80, half)
    const dmin = halfAt(blocks, at + 82, half)
    for (let group = 0; group < 16; group += 1) {
      const scales = blocks[at + group] as number
      const scale = d * (scales & 15)
      const minimum = dmin * (scales >> 4)
      // 128 elements share 32 bytes: groups 0 and 1 are bits 0-1 of bytes 0-15 and 16-31, groups 2 and 3 bits 2-3, …
      const numbers = at + 16 + (group >> 3) * 32 + (group & 1) * 16
      const shift = ((group >> 1) & 3) * 2
      for (let index = 0; index < 16; index += 1) {
        const q = ((blocks[numbers + index] as number) >> shift) & 3
        into[block * 256 + group * 16 + index] = scale * q - minimum
      }
    }
  }
}

/** The 6-bit scale of `group` of 16 out of 12 bytes: low nibbles in bytes 0-7, the two high bits in bytes 8-11. */
function scaleQ3_K(blocks: Uint8Array, at: number, group: number): number {
  const byte = blocks[at + (group & 7)] as number
  const low = group < 8 ? byte & 15 : byte >> 4
  const high = ((blocks[at + 8 + (group & 3)] as number) >> ((group >> 2) * 2)) & 3
  return (low | (high << 4)) - 32
}

/** Q3_K: 32 bytes of third bits, 64 of 2-bit numbers, 12 of scales, d; y = d·scale·(q − 4 where the third bit is 0). */
export const dequantiseQ3_K: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 110
    const d = halfAt(blocks, at + 108, half)
    for (let group = 0; group < 16; group += 1) {
      const scale = d * scaleQ3_K(blocks, at + 96, group)
      const thirdBits = at + (group & 1) * 16
      const numbers = at + 32 + (group >> 3) * 32 + (group & 1) * 16
      const shift = ((group >> 1) & 3) * 2
      for (let index = 0; index < 16; index += 1) {
        const q = ((blocks[numbers + index] as number) >> shift) & 3
        const third = ((blocks[thirdBits + index] as number) >> (group >> 1)) & 1
        into[block * 256 + group * 16 + index] = scale * (q - (third ? 0 : 4))
      }
    }
  }
}

/** The 6-bit scale of group 0-7 of Q4_K and Q5_K, packed with its minimum in 12 bytes. */
export function scaleOf(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return (blocks[at + group] as number) & 63
  return ((blocks[at + group + 4] as number) & 15) | (((blocks[at + group - 4] as number) >> 6) << 4)
}

/** The 6-bit minimum of group 0-7 of Q4_K and Q5_K. */
export function minimumOf(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return (blocks[at + group + 4] as number) & 63
  return ((blocks[at + group + 4] as number) >> 4) | (((blocks[at + group] as number) >> 6) << 4)
}

/** Q4_K: d, dmin, 12 bytes of scales and minima, 128 of nibbles; y = d·scale·q − dmin·minimum. */
export const dequantiseQ4_K: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 144
    const d = halfAt(blocks, at, half)
    const dmin = halfAt(blocks, at + 2, half)
    for (let group = 0; group < 8; group += 1) {
      const scale = d * scaleOf(blocks, at + 4, group)
      const minimum = dmin * minimumOf(blocks, at + 4, group)
      const numbers = at + 16 + (group >> 1) * 32
      const shift = (group & 1) * 4
      for (let index = 0; index < 32; index += 1) {
        const q = ((blocks[numbers + index] as number) >> shift) & 15
        into[block * 256 + group * 32 + index] = scale * q - minimum
      }
    }
  }
}

/** Q5_K: as Q4_K with 32 bytes of fifth bits before the nibbles; bit g of byte i belongs to element i of group g. */
export const dequantiseQ5_K: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 176
    const d = halfAt(blocks, at, half)
    const dmin = halfAt(blocks, at + 2, half)
    for (let group = 0; group < 8; group += 1) {
      const scale = d * scaleOf(blocks, at + 4, group)
      const minimum = dmin * minimumOf(blocks, at + 4, group)
      const numbers = at + 48 + (group >> 1) * 32
      const shift = (group & 1) * 4
      for (let index = 0; index < 32; index += 1) {
        const low = ((blocks[numbers + index] as number) >> shift) & 15
        const fifth = ((blocks[at + 16 + index] as number) >> group) & 1
        into[block * 256 + group * 32 + index] = scale * (low | (fifth << 4)) - minimum
      }
    }
  }
}

/** Q6_K: 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, d; y = d·scale·(q − 32). */
export const dequantiseQ6_K: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 210
    const d = halfAt(blocks, at + 208, half)
    for (let group = 0; group < 16; group += 1) {
      const scale = d * (((blocks[at + 192 + group] as number) << 24) >> 24)
      const side = group >> 3
      const quarter = (group >> 1) & 3
      const lows = at + side * 64 + (quarter & 1) * 32 + (group & 1) * 16
      const highs = at + 128 + side * 32 + (group & 1) * 16
      for (let index = 0; index < 16; index += 1) {
        const low = ((blocks[lows + index] as number) >> ((quarter >> 1) * 4)) & 15
        const high = ((blocks[highs + index] as number) >> (quarter * 2)) & 3
        into[block * 256 + group * 16 + index] = scale * ((low | (high << 4)) - 32)
      }
    }
  }
}
