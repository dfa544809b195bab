import type { DType } from '../tensor/dtype.ts'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../tensor/half.ts'

/** The typed array that shows each dtype's elements; f16 and bf16 are shown as their 16 bits, bool as 0 and 1. */
export interface DataOfDType {
  f32: Float32Array<ArrayBuffer>
  f64: Float64Array<ArrayBuffer>
  f16: Uint16Array<ArrayBuffer>
  bf16: Uint16Array<ArrayBuffer>
  i64: BigInt64Array<ArrayBuffer>
  i32: Int32Array<ArrayBuffer>
  i8: Int8Array<ArrayBuffer>
  u8: Uint8Array<ArrayBuffer>
  bool: Uint8Array<ArrayBuffer>
}

/** Makes a typed array over a buffer. */
export type ViewConstructor<View> = new (buffer: ArrayBuffer, byteOffset: number, length: number) => View

export const views: { readonly [D in DType]: ViewConstructor<DataOfDType[D]> } = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
}

/** What an element may be made from. */
export type ElementValue = number | bigint | boolean

/** Writes `values` into `data`, whose elements are `dtype`; 16-bit floats are rounded to nearest. */
export function writeElements(data: DataOfDType[DType], dtype: DType, values: ArrayLike<ElementValue>): void {
  const count = values.length
  if (data instanceof BigInt64Array) {
    for (let index = 0; index < count; index++) data[index] = BigInt(values[index] as ElementValue)
    return
  }
  const encode = encoders[dtype] ?? Number
  for (let index = 0; index < count; index++) data[index] = encode(Number(values[index]))
}

/** The elements of `data` as plain numbers. */
export function readElements(data: DataOfDType[DType], dtype: DType): number[] {
  const decode = decoders[dtype]
  return Array.from(data as ArrayLike<number | bigint>, (element) =>
    decode === undefined ? Number(element) : decode(Number(element)),
  )
}

type Coder = (value: number) => number

const encoders: { readonly [D in DType]?: Coder } = {
  f16: toFloat16,
  bf16: toBfloat16,
  bool: (value) => (value ? 1 : 0),
}

const decoders: { readonly [D in DType]?: Coder } = { f16: fromFloat16, bf16: fromBfloat16 }
