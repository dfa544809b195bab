import { dirname, join } from 'node:path'
import { HeaderCursor, parseBeginning } from '../bytes/cursor.ts'
import { dtypeLayouts, elementCount } from '../bytes/dtype.ts'
import { bytesToFloat32 } from '../bytes/float32.ts'
import { type ByteSource, openFileSource, readBytes } from '../bytes/source.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { readConfigs } from '../config.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'
import { resolveInFolder } from '../folder.ts'
import { readJsonObject } from '../json.ts'
import { readShardIndex } from '../safetensors/shards.ts'
import { type ReadableTensor, storedTensor } from '../stored.ts'
import { TensorTable } from '../table.ts'
import { unpickle } from './pickle.ts'
import { Dict, List, type PickleValue, TensorView } from './value.ts'
import { readZipEntries } from './zip.ts'

/** Largest pickle that is read; those of real checkpoints hold names and shapes only and stay below a few MB. */
const pickleLimit = 2 ** 26

/** Where each storage begins in the file, and how many bytes it has. */
type StoragePlaces = ReadonlyMap<string, { readonly offset: number; readonly size: number }>

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let index = shape.length - 2; index >= 0; index -= 1) {
    strides[index] = (strides[index + 1] as number) * (shape[index + 1] as number)
  }
  return strides
}

/** Gathers elements that lie apart into one piece. */
function gather(from: Uint8Array, into: Uint8Array, { shape, strides }: TensorView, size: number): void {
  const index = new Array<number>(shape.length).fill(0)
  for (let target = 0; target < into.byteLength; target += size) {
    let source = 0
    for (let axis = 0; axis < shape.length; axis += 1) source += (index[axis] as number) * (strides[axis] as number)
    into.set(from.subarray(source * size, (source + 1) * size), target)
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      index[axis] = 0
    }
  }
}

function readableTensor(name: string, view: TensorView, places: StoragePlaces, source: ByteSource): ReadableTensor {
  const { storage, offset, shape, strides } = view
  const label = `the tensor ${JSON.stringify(name.slice(0, 200))}`
  const place = places.get(storage.key)
  const size = dtypeLayouts[storage.dtype].bytes
  const count = elementCount(shape)
  if (!place || storage.elements * size > place.size) throw badCheckpoint(source.name, `${label} has no storage`)
  const span = count === 0 ? 0 : shape.reduce((sum, side, axis) => sum + (side - 1) * (strides[axis] as number), 1)
  if (count === undefined || count > storage.elements || offset < 0 || offset + span > storage.elements) {
    throw badCheckpoint(source.name, `${label} passes the end of its storage`)
  }
  const start = place.offset + offset * size
  const entry = { name, dtype: storage.dtype, shape, byteLength: count * size }
  const base = storedTensor(entry, source, start)
  if (contiguousStrides(shape).every((stride, axis) => stride === strides[axis] || shape[axis] === 1)) return base
  const readInto = async (bytes: Uint8Array) => gather(await readBytes(source, start, span * size), bytes, view, size)
  return {
    ...base,
    readInto,
    readFloat32Into: async (values) => {
      const bytes = new Uint8Array(entry.byteLength)
      await readInto(bytes)
      bytesToFloat32(storage.dtype, bytes, values)
    },
  }
}

function tensorsOf(state: PickleValue, places: StoragePlaces, source: ByteSource): ReadableTensor[] {
  if (!(state instanceof Dict)) throw badCheckpoint(source.name, 'it holds no dict of tensors')
  const tensors: ReadableTensor[] = []
  for (const [name, value] of state.entries) {
    if (typeof name !== 'string' || !(value instanceof TensorView)) {
      throw unsupportedCheckpoint(
        source.name,
        `${String(name).slice(0, 80)} in it is no tensor`,
        'Save a plain state dict.',
      )
    }
    tensors.push(readableTensor(name, value, places, source))
  }
  return tensors
}

/** The archive of torch 1.6 and later: a pickle and one file a storage. */
async function readArchive(source: ByteSource): Promise<ReadableTensor[]> {
  const entries = await readZipEntries(source)
  const pickle = [...entries.values()].find((entry) => /^[^/]*\/data\.pkl$/.test(entry.name))
  if (!pickle || pickle.size > pickleLimit) throw badCheckpoint(source.name, 'it holds no usable data.pkl')
  const root = pickle.name.slice(0, -'data.pkl'.length)
  const order = entries.get(`${root}byteorder`)
  if (order && order.size === 3) throw unsupportedCheckpoint(source.name, 'it is big-endian', 'Save it again.')
  const bytes = await readBytes(source, pickle.offset, pickle.size)
  const state = unpickle(new HeaderCursor(bytes, bytes.byteLength, source.name))
  const prefix = `${root}data/`
  const places = [...entries.values()].filter((entry) => entry.name.startsWith(prefix))
  return tensorsOf(state, new Map(places.map((entry) => [entry.name.slice(prefix.length), entry])), source)
}

/** What begins a file of torch before 1.6: PROTO 2, LONG1 of ten bytes, and a number of its own. */
const oldMagic = 0x1950a86a20f9469cfc6cn

function storagesOf(state: PickleValue): Map<string, TensorView> {
  const views = state instanceof Dict ? [...state.entries.values()] : []
  return new Map(views.filter((value) => value instanceof TensorView).map((view) => [view.storage.key, view]))
}

/** Five pickles, then each storage behind its number of elements. */
async function readOldFile(source: ByteSource): Promise<ReadableTensor[]> {
  const { state, keys, end } = await parseBeginning(source, (cursor) => {
    if (unpickle(cursor) !== oldMagic) throw badCheckpoint(source.name, 'it was not written by torch.save')
    unpickle(cursor)
    unpickle(cursor)
    return { state: unpickle(cursor), keys: unpickle(cursor), end: cursor.position }
  })
  const views = storagesOf(state)
  const places = new Map<string, { offset: number; size: number }>()
  let next = end
  for (const key of keys instanceof List ? keys.items : []) {
    const storage = views.get(String(key))?.storage
    if (!storage) throw badCheckpoint(source.name, 'it holds a storage that no tensor uses')
    const count = new DataView((await readBytes(source, next, 8)).buffer).getBigInt64(0, true)
    const size = storage.elements * dtypeLayouts[storage.dtype].bytes
    if (count !== BigInt(storage.elements) || next + 8 + size > source.size) {
      throw badCheckpoint(source.name, `its storage ${String(key)} has a wrong size`)
    }
    places.set(String(key), { offset: next + 8, size })
    next += 8 + size
  }
  return tensorsOf(state, places, source)
}

/** The tensors of a `pytorch_model.bin`; nothing in the file is executed. */
export async function readTorchTensors(source: ByteSource): Promise<ReadableTensor[]> {
  if (source.size < 4) throw badCheckpoint(source.name, 'it is too short to be a checkpoint')
  const magic = new DataView((await readBytes(source, 0, 4)).buffer).getUint32(0, true)
  return magic === 0x04034b50 ? readArchive(source) : readOldFile(source)
}

async function openAll(paths: readonly string[], path: string, folder: string): Promise<Checkpoint> {
  const { config, generationConfig } = await readConfigs(folder)
  const sources: ByteSource[] = []
  try {
    const tensors: ReadableTensor[] = []
    for (const file of paths) {
      const source = await openFileSource(file)
      sources.push(source)
      tensors.push(...(await readTorchTensors(source)))
    }
    const metadata = new Map<string, string>()
    return new TensorTable({ format: 'pytorch', path, config, generationConfig, tensors, metadata, sources })
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()))
    throw error
  }
}

/** Opens one `.bin` file. @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint' */
export async function openTorchFile(path: string): Promise<Checkpoint> {
  return openAll([path], path, dirname(path))
}

/** Opens a checkpoint in several `.bin` files by its index. */
export async function openTorchIndex(folder: string, indexName: string): Promise<Checkpoint> {
  const indexPath = await resolveInFolder(folder, indexName)
  const { shards } = readShardIndex(await readJsonObject(indexPath), join(folder, indexName))
  return openAll(await Promise.all(shards.map((name) => resolveInFolder(folder, name))), folder, folder)
}
