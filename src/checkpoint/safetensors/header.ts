import { byteLengthOf, type Dtype, elementCount, isDtype } from '../bytes/dtype.ts'
import { type ByteSource, readBytes } from '../bytes/source.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'
import { decodeText, isRecord, parseJsonObject } from '../json.ts'

/** Where a tensor lies in its file. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** First byte, counted from the start of the file. */
  readonly offset: number
  readonly byteLength: number
}

/** The header of a safetensors file, checked whole. */
export interface SafetensorsHeader {
  readonly tensors: readonly StoredTensor[]
  /** The strings under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>
}

/** Longest header that the format allows, in bytes. */
const headerLimit = 100_000_000

function readMetadata(value: unknown, file: string): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>()
  if (value === undefined) return metadata
  if (!isRecord(value)) throw badCheckpoint(file, '__metadata__ is not an object')
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw badCheckpoint(file, `the metadata ${JSON.stringify(key)} is not a string`)
    metadata.set(key, text)
  }
  return metadata
}

function readEntry(name: string, value: unknown, dataStart: number, source: ByteSource): StoredTensor {
  const file = source.name
  const label = `the tensor ${JSON.stringify(name.slice(0, 200))}`
  if (!isRecord(value)) throw badCheckpoint(file, `${label} is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = value
  if (!isDtype(dtype) || dtype.startsWith('Q')) {
    throw unsupportedCheckpoint(
      file,
      `${label} has the dtype ${JSON.stringify(dtype)?.slice(0, 40)}`,
      'Convert it first.',
    )
  }
  if (!Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2) {
    throw badCheckpoint(file, `${label} lacks a shape or offsets`)
  }
  const count = elementCount(shape)
  const byteLength = count === undefined ? undefined : byteLengthOf(dtype, count)
  if (byteLength === undefined) throw badCheckpoint(file, `${label} has an impossible shape`)
  const [begin, end] = offsets as unknown[]
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end)) {
    throw badCheckpoint(file, `${label} has offsets that are no whole numbers`)
  }
  const first = begin as number
  const last = end as number
  if (first < 0 || last < first || dataStart + last > source.size) {
    throw badCheckpoint(file, `${label} lies at bytes ${first} to ${last}, outside the file's data`)
  }
  if (last - first !== byteLength) {
    throw badCheckpoint(file, `${label} takes ${byteLength} bytes by its shape but ${last - first} by its offsets`)
  }
  return { name, dtype, shape: shape as number[], offset: dataStart + first, byteLength }
}

/** The format demands that tensors fill the data without overlap and without holes. */
function checkCoverage(tensors: StoredTensor[], dataStart: number, source: ByteSource): void {
  let next = dataStart
  for (const tensor of tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    if (tensor.offset !== next) {
      const what = tensor.offset < next ? 'overlaps another' : 'leaves a hole before it'
      throw badCheckpoint(source.name, `the tensor ${JSON.stringify(tensor.name.slice(0, 200))} ${what}`)
    }
    next += tensor.byteLength
  }
  if (next !== source.size) throw badCheckpoint(source.name, `${source.size - next} bytes belong to no tensor`)
}

/**
 * Reads and checks the header of a safetensors file.
 *
 * @see https://huggingface.co/docs/safetensors
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint'
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.size < 10) throw badCheckpoint(source.name, 'it is too short to be a safetensors file')
  const lengthBytes = await readBytes(source, 0, 8)
  const length = new DataView(lengthBytes.buffer).getBigUint64(0, true)
  if (length > BigInt(Math.min(source.size - 8, headerLimit))) {
    throw badCheckpoint(source.name, `its header claims ${length} bytes of a file of ${source.size}`)
  }
  const dataStart = 8 + Number(length)
  const header = parseJsonObject(decodeText(await readBytes(source, 8, Number(length)), source.name), source.name)
  const tensors: StoredTensor[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') tensors.push(readEntry(name, value, dataStart, source))
  }
  checkCoverage(tensors, dataStart, source)
  return { tensors, metadata: readMetadata(header.__metadata__, source.name) }
}
