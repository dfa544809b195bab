/** Arrays of numbers in GGUF metadata keep the element type of the file. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array

/** A metadata value of a GGUF file. 64-bit integers are numbers where they are exact, otherwise bigints. */
export type GgufValue = number | bigint | boolean | string | GgufNumbers | readonly GgufValue[]

/** The value types of the format, by their number in the file. */
export const ggufValueTypes = [
  'U8',
  'I8',
  'U16',
  'I16',
  'U32',
  'I32',
  'F32',
  'BOOL',
  'STRING',
  'ARRAY',
  'U64',
  'I64',
  'F64',
] as const

/** The name of a value type. */
export type GgufValueType = (typeof ggufValueTypes)[number]
