import { HeaderCursor } from '../bytes/cursor.ts'
import { badCheckpoint } from '../failure.ts'
import { LateMap } from './late-map.ts'
import { type GgufNumbers, type GgufValue, type GgufValueType, ggufValueTypes } from './value.ts'

/** Arrays of arrays deeper than this do not occur. */
const depthLimit = 4

function exactNumber(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function readType(cursor: HeaderCursor): GgufValueType {
  const number = cursor.u32()
  const type = ggufValueTypes[number]
  if (!type) throw badCheckpoint(cursor.file, `it has metadata of the unknown type ${number}`)
  return type
}

/** How arrays of numbers are laid over a copy of their bytes. */
const numberArrays: Partial<Record<GgufValueType, { bytes: number; make(buffer: ArrayBuffer): GgufNumbers }>> = {
  U8: { bytes: 1, make: (buffer) => new Uint8Array(buffer) },
  I8: { bytes: 1, make: (buffer) => new Int8Array(buffer) },
  U16: { bytes: 2, make: (buffer) => new Uint16Array(buffer) },
  I16: { bytes: 2, make: (buffer) => new Int16Array(buffer) },
  U32: { bytes: 4, make: (buffer) => new Uint32Array(buffer) },
  I32: { bytes: 4, make: (buffer) => new Int32Array(buffer) },
  F32: { bytes: 4, make: (buffer) => new Float32Array(buffer) },
  U64: { bytes: 8, make: (buffer) => new BigUint64Array(buffer) },
  I64: { bytes: 8, make: (buffer) => new BigInt64Array(buffer) },
  F64: { bytes: 8, make: (buffer) => new Float64Array(buffer) },
}

/** Fewest bytes that an element takes in the file: a string at least its length, an array its type and count. */
const leastBytes: Partial<Record<GgufValueType, number>> = { BOOL: 1, STRING: 8, ARRAY: 12 }

function readArray(cursor: HeaderCursor, depth: number): GgufValue {
  if (depth > depthLimit) throw badCheckpoint(cursor.file, `its metadata is nested deeper than ${depthLimit} arrays`)
  const type = readType(cursor)
  const numbers = numberArrays[type]
  if (numbers) {
    const length = cursor.count(numbers.bytes, 'numbers')
    return numbers.make(cursor.copy(length * numbers.bytes).buffer)
  }
  const length = cursor.count(leastBytes[type] ?? 1, 'values')
  const values: GgufValue[] = []
  for (let index = 0; index < length; index += 1) values.push(readValue(cursor, type, depth + 1))
  return values
}

function readValue(cursor: HeaderCursor, type: GgufValueType, depth: number): GgufValue {
  switch (type) {
    case 'U8':
      return cursor.u8()
    case 'I8':
      return cursor.i8()
    case 'U16':
      return cursor.u16()
    case 'I16':
      return cursor.i16()
    case 'U32':
      return cursor.u32()
    case 'I32':
      return cursor.i32()
    case 'F32':
      return cursor.f32()
    case 'BOOL':
      return cursor.u8() !== 0
    case 'STRING':
      return cursor.string()
    case 'U64':
      return exactNumber(cursor.u64())
    case 'I64':
      return exactNumber(cursor.i64())
    case 'F64':
      return cursor.f64()
    case 'ARRAY':
      return readArray(cursor, depth)
  }
}

/** Lists of texts from this length on are decoded when somebody asks for them. */
const longList = 256

/** Steps over the list of texts at the cursor, if a long one is there. @returns how to read it, or undefined */
function passTexts(cursor: HeaderCursor): (() => GgufValue) | undefined {
  const start = cursor.position
  const isTexts = readType(cursor) === 'STRING'
  const length = isTexts ? cursor.count(leastBytes.STRING ?? 1, 'values') : 0
  if (length < longList) {
    cursor.position = start
    return undefined
  }
  const first = cursor.position
  for (let index = 0; index < length; index += 1) cursor.skipString()
  const bytes = cursor.copySince(first)
  return () => {
    const texts = new HeaderCursor(bytes, bytes.byteLength, cursor.file)
    return Array.from({ length }, () => texts.string())
  }
}

/** Reads the key-value pairs of a GGUF file. @throws R1Error 'bad-checkpoint' */
export function readMetadata(cursor: HeaderCursor, count: number): Map<string, GgufValue> {
  const metadata = new LateMap()
  for (let index = 0; index < count; index += 1) {
    const key = cursor.string()
    if (metadata.has(key)) throw badCheckpoint(cursor.file, `it has the key ${JSON.stringify(key.slice(0, 80))} twice`)
    const type = readType(cursor)
    const texts = type === 'ARRAY' ? passTexts(cursor) : undefined
    if (texts) metadata.setLate(key, texts)
    else metadata.set(key, readValue(cursor, type, 1))
  }
  return metadata
}
