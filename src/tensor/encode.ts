import type { DType } from './dtype.ts'
import { toBfloat16, toFloat16 } from './half.ts'

const encoders: Readonly<Record<DType, (values: readonly number[]) => ArrayBufferView>> = {
  f64: (values) => Float64Array.from(values),
  f32: (values) => Float32Array.from(values),
  f16: (values) => Uint16Array.from(values, toFloat16),
  bf16: (values) => Uint16Array.from(values, toBfloat16),
  i64: (values) => BigInt64Array.from(values, BigInt),
  i32: (values) => Int32Array.from(values),
  i8: (values) => Int8Array.from(values),
  u8: (values) => Uint8Array.from(values),
  bool: (values) => Uint8Array.from(values, (value) => (value ? 1 : 0)),
}

/** Numbers as little-endian bytes of a dtype. */
export function encodeValues(dtype: DType, values: readonly number[]): Uint8Array {
  const array = encoders[dtype](values)
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
