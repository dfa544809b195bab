/** Conversions between f32 and the 16-bit and 8-bit floats, through their bit patterns. */

const floatScratch = new Float32Array(1)
const bitsScratch = new Uint32Array(floatScratch.buffer)

function smallFloat(bits: number, exponentBits: number, mantissaBits: number, bias: number): number {
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1
  const exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1)
  const mantissa = bits & ((1 << mantissaBits) - 1)
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits)
  return sign * (1 + mantissa / (1 << mantissaBits)) * 2 ** (exponent - bias)
}

function halfValue(bits: number): number {
  if (((bits >> 10) & 31) === 31) return bits & 1023 ? Number.NaN : bits >> 15 ? -Infinity : Infinity
  return smallFloat(bits, 5, 10, 15)
}

function f8E4M3Value(bits: number): number {
  // The "fn" variant: no infinities, and only all ones is NaN.
  return (bits & 127) === 127 ? Number.NaN : smallFloat(bits, 4, 3, 7)
}

function f8E5M2Value(bits: number): number {
  return halfValue(bits << 8)
}

function lazyTable(size: number, value: (bits: number) => number): () => Float32Array {
  let table: Float32Array | undefined
  return () => {
    table ??= Float32Array.from({ length: size }, (_, bits) => value(bits))
    return table
  }
}

/** All 65,536 half-precision values as f32, indexed by their bits. */
export const halfTable = lazyTable(65536, halfValue)
/** All 256 values of F8_E4M3 (the variant without infinities) as f32. */
export const f8E4M3Table = lazyTable(256, f8E4M3Value)
/** All 256 values of F8_E5M2 as f32. */
export const f8E5M2Table = lazyTable(256, f8E5M2Value)

/** The bits of the half-precision float nearest to `value`, ties to even. */
export function toHalfBits(value: number): number {
  floatScratch[0] = value
  const bits = bitsScratch[0] as number
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: a multiple of 2⁻²⁴, rounded half to even.
    const scaled = Math.abs(floatScratch[0] as number) * 2 ** 24
    const floor = Math.floor(scaled)
    const rest = scaled - floor
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0))
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

/** The bits of the bfloat16 nearest to `value`, ties to even. */
export function toBrainBits(value: number): number {
  floatScratch[0] = value
  const bits = bitsScratch[0] as number
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}
