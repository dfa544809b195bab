import { type Dequantise, halfAt } from './layout.ts'

/** Q4_0: d, 16 bytes of nibbles; y = d (q − 8). */
export const dequantiseQ4_0: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 18
    const d = halfAt(blocks, at, half)
    for (let index = 0; index < 16; index += 1) {
      const pair = blocks[at + 2 + index] as number
      into[block * 32 + index] = d * ((pair & 15) - 8)
      into[block * 32 + index + 16] = d * ((pair >> 4) - 8)
    }
  }
}

/** Q4_1: d, m, 16 bytes of nibbles; y = d q + m. */
export const dequantiseQ4_1: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 20
    const d = halfAt(blocks, at, half)
    const m = halfAt(blocks, at + 2, half)
    for (let index = 0; index < 16; index += 1) {
      const pair = blocks[at + 4 + index] as number
      into[block * 32 + index] = d * (pair & 15) + m
      into[block * 32 + index + 16] = d * (pair >> 4) + m
    }
  }
}

/** The fifth bit of element `index`, at its place in the number: bit `index` of the four bytes at `at`. */
function fifthBit(blocks: Uint8Array, at: number, index: number): number {
  return (((blocks[at + (index >> 3)] as number) >> (index & 7)) & 1) << 4
}

/** Q5_0: d, 4 bytes of fifth bits, 16 bytes of nibbles; y = d (q − 16). */
export const dequantiseQ5_0: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 22
    const d = halfAt(blocks, at, half)
    for (let index = 0; index < 16; index += 1) {
      const pair = blocks[at + 6 + index] as number
      into[block * 32 + index] = d * (((pair & 15) | fifthBit(blocks, at + 2, index)) - 16)
      into[block * 32 + index + 16] = d * (((pair >> 4) | fifthBit(blocks, at + 2, index + 16)) - 16)
    }
  }
}

/** Q5_1: d, m, 4 bytes of fifth bits, 16 bytes of nibbles; y = d q + m. */
export const dequantiseQ5_1: Dequantise = (blocks, into, count, half) => {
  for (let block = 0; block < count; block += 1) {
    const at = block * 24
    const d = halfAt(blocks, at, half)
    const m = halfAt(blocks, at + 2, half)
    for (let index = 0; index < 16; index += 1) {
      const pair = blocks[at + 8 + index] as number
      into[block * 32 + index] = d * ((pair & 15) | fifthBit(blocks, at + 4, index)) + m
      into[block * 32 + index + 16] = d * ((pair >> 4) | fifthBit(blocks, at + 4, index + 16)) + m
    }
  }
}

/** Q8_0: d, 32 signed bytes; y = d q. */
export const dequantiseQ8_0: Dequantise = (blocks, into, count, half) => {
  const numbers = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.byteLength)
  for (let block = 0; block < count; block += 1) {
    const at = block * 34
    const d = halfAt(blocks, at, half)
    for (let index = 0; index < 32; index += 1) {
      into[block * 32 + index] = d * (numbers[at + 2 + index] as number)
    }
  }
}
