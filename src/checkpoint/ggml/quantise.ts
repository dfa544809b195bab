import { toHalfBits } from '../bytes/half.ts'

/** Turns f32 values, a whole number of blocks of 32, into the blocks of a format. */
export type Quantise = (values: Float32Array, into: Uint8Array) => void

const round = Math.fround

function setHalf(bytes: Uint8Array, at: number, value: number): void {
  const bits = toHalfBits(value)
  bytes[at] = bits & 255
  bytes[at + 1] = bits >> 8
}

/** Q8_0 as ggml's reference makes it: d = max|x| / 127, numbers rounded half away from zero. */
export const quantiseQ8_0: Quantise = (values, into) => {
  for (let block = 0; block * 32 < values.length; block += 1) {
    let largest = 0
    for (let index = 0; index < 32; index += 1)
      largest = Math.max(largest, Math.abs(values[block * 32 + index] as number))
    const d = round(largest / 127)
    const inverse = d === 0 ? 0 : round(1 / d)
    setHalf(into, block * 34, d)
    for (let index = 0; index < 32; index += 1) {
      const scaled = round((values[block * 32 + index] as number) * inverse)
      into[block * 34 + 2 + index] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5)
    }
  }
}

/** Q4_0 as ggml's reference makes it: the value of largest magnitude, with its sign, becomes −8. */
export const quantiseQ4_0: Quantise = (values, into) => {
  for (let block = 0; block * 32 < values.length; block += 1) {
    let extreme = 0
    for (let index = 0; index < 32; index += 1) {
      const value = values[block * 32 + index] as number
      if (Math.abs(value) > Math.abs(extreme)) extreme = value
    }
    const d = extreme / -8
    const inverse = d === 0 ? 0 : round(1 / d)
    const number = (index: number) =>
      Math.min(15, Math.trunc(round(round((values[block * 32 + index] as number) * inverse) + 8.5)))
    setHalf(into, block * 18, d)
    for (let index = 0; index < 16; index += 1) into[block * 18 + 2 + index] = number(index) | (number(index + 16) << 4)
  }
}

/** Q4_1 as ggml's reference makes it: 0 is the block's minimum, 15 its maximum. */
export const quantiseQ4_1: Quantise = (values, into) => {
  for (let block = 0; block * 32 < values.length; block += 1) {
    let minimum = Infinity
    let maximum = -Infinity
    for (let index = 0; index < 32; index += 1) {
      const value = values[block * 32 + index] as number
      minimum = Math.min(minimum, value)
      maximum = Math.max(maximum, value)
    }
    const d = round(round(maximum - minimum) / 15)
    const inverse = d === 0 ? 0 : round(1 / d)
    const number = (index: number) =>
      Math.min(15, Math.trunc(round(round(round((values[block * 32 + index] as number) - minimum) * inverse) + 0.5)))
    setHalf(into, block * 20, d)
    setHalf(into, block * 20 + 2, minimum)
    for (let index = 0; index < 16; index += 1) into[block * 20 + 4 + index] = number(index) | (number(index + 16) << 4)
  }
}
