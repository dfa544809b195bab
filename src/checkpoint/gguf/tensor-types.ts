import type { Dtype } from '../bytes/dtype.ts'

/** ggml's number of each tensor type this package reads. */
const typeNumbers: Partial<Record<Dtype, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  I8: 24,
  I16: 25,
  I32: 26,
  I64: 27,
  F64: 28,
  BF16: 30,
}

const dtypes = new Map(Object.entries(typeNumbers).map(([dtype, number]) => [number, dtype as Dtype]))

/** The dtype of a tensor type's number, or undefined for one that is not read. */
export function dtypeOfGgml(number: number): Dtype | undefined {
  return dtypes.get(number)
}

/** The number of a dtype, or undefined where ggml has none. */
export function ggmlNumber(dtype: Dtype): number | undefined {
  return typeNumbers[dtype]
}
