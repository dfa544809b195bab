import { R1Error } from '../../errors.ts'
import type { GgufNumbers, GgufValue, GgufValueType } from './value.ts'
import { ggufValueTypes } from './value.ts'

/** A metadata entry to be written: a scalar of a type, or a list of scalars of a type. */
export interface GgufEntry {
  readonly key: string
  readonly type: Exclude<GgufValueType, 'ARRAY'>
  readonly value: number | bigint | boolean | string | readonly (number | bigint | boolean | string)[]
}

/** A text entry. */
export const textEntry = (key: string, value: string): GgufEntry => ({ key, type: 'STRING', value })
/** A 32-bit whole number. */
export const wholeEntry = (key: string, value: number): GgufEntry => ({ key, type: 'U32', value })
/** A 32-bit float. */
export const realEntry = (key: string, value: number): GgufEntry => ({ key, type: 'F32', value })
/** A truth value. */
export const truthEntry = (key: string, value: boolean): GgufEntry => ({ key, type: 'BOOL', value })

/** Bytes that grow as they are written. */
export class ByteWriter {
  #bytes = new Uint8Array(4096)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  #grow(more: number): number {
    const at = this.#length
    this.#length += more
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }

  get length(): number {
    return this.#length
  }

  u32(value: number): void {
    const at = this.#grow(4)
    this.#view.setUint32(at, value, true)
  }

  u64(value: number | bigint): void {
    const at = this.#grow(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u64(bytes.length)
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
  }

  pad(alignment: number): void {
    this.#grow((alignment - (this.#length % alignment)) % alignment)
  }

  scalar(type: GgufEntry['type'], value: number | bigint | boolean | string): void {
    if (type === 'STRING') {
      this.string(String(value))
      return
    }
    const { bytes, set } = scalars[type]
    const at = this.#grow(bytes)
    set(this.#view, at, value)
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

type Scalar = number | bigint | boolean | string
interface ScalarWriter {
  readonly bytes: number
  set(view: DataView, at: number, value: Scalar): void
}

const scalars: Record<Exclude<GgufEntry['type'], 'STRING'>, ScalarWriter> = {
  U8: { bytes: 1, set: (view, at, value) => view.setUint8(at, Number(value)) },
  I8: { bytes: 1, set: (view, at, value) => view.setInt8(at, Number(value)) },
  U16: { bytes: 2, set: (view, at, value) => view.setUint16(at, Number(value), true) },
  I16: { bytes: 2, set: (view, at, value) => view.setInt16(at, Number(value), true) },
  U32: { bytes: 4, set: (view, at, value) => view.setUint32(at, Number(value), true) },
  I32: { bytes: 4, set: (view, at, value) => view.setInt32(at, Number(value), true) },
  F32: { bytes: 4, set: (view, at, value) => view.setFloat32(at, Number(value), true) },
  BOOL: { bytes: 1, set: (view, at, value) => view.setUint8(at, value ? 1 : 0) },
  U64: { bytes: 8, set: (view, at, value) => view.setBigUint64(at, BigInt(value), true) },
  I64: { bytes: 8, set: (view, at, value) => view.setBigInt64(at, BigInt(value), true) },
  F64: { bytes: 8, set: (view, at, value) => view.setFloat64(at, Number(value), true) },
}

/** Writes a key and its value. */
export function encodeEntry(writer: ByteWriter, { key, type, value }: GgufEntry): void {
  writer.string(key)
  const number = ggufValueTypes.indexOf(type)
  if (!Array.isArray(value)) {
    writer.u32(number)
    writer.scalar(type, value as Scalar)
    return
  }
  writer.u32(ggufValueTypes.indexOf('ARRAY'))
  writer.u32(number)
  writer.u64(value.length)
  for (const item of value as readonly Scalar[]) writer.scalar(type, item)
}

const numberTypes: readonly (readonly [make: abstract new (...args: never) => unknown, type: GgufEntry['type']])[] = [
  [Uint8Array, 'U8'],
  [Int8Array, 'I8'],
  [Uint16Array, 'U16'],
  [Int16Array, 'I16'],
  [Uint32Array, 'U32'],
  [Int32Array, 'I32'],
  [Float32Array, 'F32'],
  [BigUint64Array, 'U64'],
  [BigInt64Array, 'I64'],
  [Float64Array, 'F64'],
]

function listEntry(key: string, values: readonly GgufValue[]): GgufEntry {
  const kinds = new Set(values.map((value) => typeof value))
  if (kinds.size <= 1 && !kinds.has('object')) {
    const type = kinds.has('boolean') ? 'BOOL' : kinds.has('number') ? 'F64' : 'STRING'
    return { key, type, value: values as readonly Scalar[] }
  }
  throw new R1Error('unsupported-checkpoint', `The metadata ${key} is a list of lists.`, {
    remedy: 'Lists of lists are read but not written.',
  })
}

/** A value that was read from one GGUF file, to be written to another. */
export function entryOfValue(key: string, value: GgufValue): GgufEntry {
  if (typeof value === 'string') return textEntry(key, value)
  if (typeof value === 'boolean') return truthEntry(key, value)
  if (typeof value === 'bigint') return { key, type: value < 0n ? 'I64' : 'U64', value }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return wholeEntry(key, value)
    return Number.isInteger(value) ? { key, type: 'I64', value } : realEntry(key, value)
  }
  if (!ArrayBuffer.isView(value)) return listEntry(key, value)
  const type = numberTypes.find(([make]) => value instanceof make)?.[1] ?? 'F64'
  return { key, type, value: Array.from(value as Exclude<GgufNumbers, BigUint64Array | BigInt64Array>) }
}
