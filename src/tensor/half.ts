/** 16-bit floats, which Node 20's typed arrays do not know. Both conversions round to nearest, ties to even. */

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

function bitsOf(value: number): number {
  float[0] = value
  return bits[0] as number
}

function floatOf(word: number): number {
  bits[0] = word
  return float[0] as number
}

/** The 16 bits of `value` as bf16: the upper half of its f32. */
export function toBfloat16(value: number): number {
  const word = bitsOf(value)
  if (Number.isNaN(value)) return (word >>> 16) | 0x40
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff
}

/** The number that 16 bits of bf16 stand for. */
export function fromBfloat16(half: number): number {
  return floatOf(half << 16)
}

/** The 16 bits of `value` as IEEE 754 binary16. */
export function toFloat16(value: number): number {
  const word = bitsOf(value)
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below 2⁻¹⁴ the steps are 2⁻²⁴: adding 0.5 (whose f32 steps are 2⁻²⁴) rounds to them.
  if (magnitude < 0x38800000) return sign | (bitsOf(floatOf(magnitude) + 0.5) - 0x3f000000)
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

/** The number that 16 bits of IEEE 754 binary16 stand for. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
