import { type HeaderCursor, parseBeginning } from '../bytes/cursor.ts'
import { byteLengthOf, dtypeLayouts, elementCount } from '../bytes/dtype.ts'
import type { ByteSource } from '../bytes/source.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'
import type { StoredTensor } from '../safetensors/header.ts'
import { readMetadata } from './metadata.ts'
import { dtypeOfGgml } from './tensor-types.ts'
import type { GgufValue } from './value.ts'

/** The header of a GGUF file, checked whole. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Tensors under the file's own names; shapes outermost first, the reverse of the file's order. */
  readonly tensors: readonly StoredTensor[]
}

/** Dimensions that ggml's tensors have at most. */
const rankLimit = 4

interface TensorClaim {
  readonly tensor: StoredTensor
  /** Offset from the start of the data. */
  readonly relative: number
}

function readTensorClaim(cursor: HeaderCursor): TensorClaim {
  const name = cursor.string()
  const label = `the tensor ${JSON.stringify(name.slice(0, 200))}`
  const rank = cursor.u32()
  if (rank > rankLimit) throw badCheckpoint(cursor.file, `${label} has ${rank} dimensions`)
  const shape: number[] = []
  for (let index = 0; index < rank; index += 1) shape.unshift(Number(cursor.u64()))
  const typeNumber = cursor.u32()
  const relative = Number(cursor.u64())
  const dtype = dtypeOfGgml(typeNumber)
  if (!dtype) {
    throw unsupportedCheckpoint(
      cursor.file,
      `${label} has ggml's type ${typeNumber}`,
      'Use a file in one of the types F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K.',
    )
  }
  const count = elementCount(shape)
  const wholeRows = (shape.at(-1) ?? 1) % dtypeLayouts[dtype].block === 0
  const byteLength = count === undefined || !wholeRows ? undefined : byteLengthOf(dtype, count)
  if (byteLength === undefined) throw badCheckpoint(cursor.file, `${label} has an impossible shape`)
  return { tensor: { name, dtype, shape, offset: 0, byteLength }, relative }
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>, file: string): number {
  const alignment = metadata.get('general.alignment') ?? 32
  if (typeof alignment !== 'number' || alignment < 8 || alignment > 65536 || alignment & (alignment - 1)) {
    throw badCheckpoint(file, 'its alignment is not a power of two from 8 to 65536')
  }
  return alignment
}

const alignUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment

/** Tensors must follow one another, each at the next multiple of the alignment: no overlap, no hole. */
function placeTensors(claims: TensorClaim[], dataStart: number, alignment: number, source: ByteSource): StoredTensor[] {
  const tensors: StoredTensor[] = []
  const names = new Set<string>()
  let next = 0
  const ordered = claims.sort((a, b) => a.relative - b.relative || a.tensor.byteLength - b.tensor.byteLength)
  for (const { tensor, relative } of ordered) {
    const label = `the tensor ${JSON.stringify(tensor.name.slice(0, 200))}`
    if (names.has(tensor.name)) throw badCheckpoint(source.name, `${label} occurs twice`)
    names.add(tensor.name)
    if (relative !== next) {
      throw badCheckpoint(source.name, `${label} ${relative < next ? 'overlaps another' : 'leaves a hole before it'}`)
    }
    const offset = dataStart + relative
    if (offset + tensor.byteLength > source.size) {
      throw badCheckpoint(source.name, `${label} passes the end of the file, which has ${source.size} bytes`)
    }
    tensors.push({ ...tensor, offset })
    next = alignUp(relative + tensor.byteLength, alignment)
  }
  return tensors
}

function parseHeader(cursor: HeaderCursor, source: ByteSource): GgufHeader {
  if (cursor.u32() !== 0x46554747) throw badCheckpoint(source.name, 'it does not begin with GGUF')
  const version = cursor.u32()
  if (version !== 2 && version !== 3) {
    const what = version > 0xffff ? 'it is big-endian' : `it is of GGUF version ${version}`
    throw unsupportedCheckpoint(source.name, what, 'Versions 2 and 3, little-endian, are read: convert it again.')
  }
  // A tensor's entry takes at least 24 bytes: name length, rank, type, offset. A key-value pair takes at least 13.
  const tensorCount = cursor.count(24, 'tensors')
  const metadata = readMetadata(cursor, cursor.count(13, 'metadata entries'))
  const claims: TensorClaim[] = []
  for (let index = 0; index < tensorCount; index += 1) claims.push(readTensorClaim(cursor))
  const alignment = readAlignment(metadata, source.name)
  const dataStart = alignUp(cursor.position, alignment)
  return { metadata, tensors: placeTensors(claims, dataStart, alignment, source) }
}

/**
 * Reads and checks the header of a GGUF file, version 2 or 3.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint'
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  return parseBeginning(source, (cursor) => parseHeader(cursor, source))
}
