/** Element types of tensors. `bool` is one byte an element, as ONNX stores it. */
export type DType = 'f32' | 'f16' | 'bf16' | 'f64' | 'i64' | 'i32' | 'i8' | 'u8' | 'bool'

const bytes: Readonly<Record<DType, number>> = {
  f64: 8,
  i64: 8,
  f32: 4,
  i32: 4,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
}

/** All dtypes, widest first. */
export const dtypes = Object.keys(bytes) as readonly DType[]

/** Bytes an element of `dtype` takes. */
export function byteSize(dtype: DType): number {
  return bytes[dtype]
}

/** True for f64, f32, f16 and bf16: the dtypes that carry gradients. */
export function isFloating(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f64' || dtype === 'f16' || dtype === 'bf16'
}
