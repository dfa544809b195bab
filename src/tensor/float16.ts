/** Conversions between numbers and the 16-bit float formats, to nearest, ties to even. */

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** Bits of the nearest bfloat16: the upper half of the f32. */
export function toBfloat16(value: number): number {
  float[0] = value
  const word = bits[0] as number
  if (Number.isNaN(value)) return 0x7fc0
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff
}

export function fromBfloat16(half: number): number {
  bits[0] = half << 16
  return float[0] as number
}

/** Bits of the nearest IEEE half (binary16); values beyond 65504 become infinite. */
export function toFloat16(value: number): number {
  float[0] = value
  const word = bits[0] as number
  const sign = (word >>> 16) & 0x8000
  const magnitude = Math.abs(float[0] as number)
  if (Number.isNaN(value)) return sign | 0x7e00
  if (magnitude >= 65520) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24)
  const exponent = Math.floor(Math.log2(magnitude))
  const scale = magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent
  // A mantissa that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((scale + 15) << 10) + roundHalfEven((magnitude / 2 ** scale - 1) * 1024))
}

export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 31
  const mantissa = half & 1023
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15))
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
