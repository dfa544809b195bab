import { dtypeLayouts } from '../bytes/dtype.ts'
import type { ByteSource } from '../bytes/source.ts'
import { badCheckpoint } from '../failure.ts'
import type { StoredTensor } from '../safetensors/header.ts'
import { type ReadableTensor, storedTensor } from '../stored.ts'

/**
 * Reorders the rows of each head, in place: `fromPairs` turns neighbouring pairs (2i, 2i+1) into halves (i, i + d/2),
 * otherwise the other way round.
 *
 * @param bytes heads × d rows of `rowBytes` bytes
 */
export function reorderHeadRows(bytes: Uint8Array, heads: number, rowBytes: number, fromPairs: boolean): void {
  const headBytes = bytes.byteLength / heads
  const half = headBytes / rowBytes / 2
  const scratch = new Uint8Array(headBytes)
  for (let start = 0; start < bytes.byteLength; start += headBytes) {
    scratch.set(bytes.subarray(start, start + headBytes))
    for (let index = 0; index < 2 * half; index += 1) {
      const inPairs = (index % half) * 2 + Math.floor(index / half)
      const [from, to] = fromPairs ? [inPairs, index] : [index, inPairs]
      bytes.set(scratch.subarray(from * rowBytes, (from + 1) * rowBytes), start + to * rowBytes)
    }
  }
}

/** A tensor whose heads lie in pairs in the file. */
export function headRows(base: ReadableTensor, heads: number, file: string): ReadableTensor {
  const rows = base.shape[0] ?? 0
  const rowBytes = base.byteLength / rows
  if (heads < 1 || rows === 0 || rows % (2 * heads) !== 0 || !Number.isInteger(rowBytes)) {
    throw badCheckpoint(file, `the tensor ${base.name} of shape [${base.shape}] does not split into ${heads} heads`)
  }
  return {
    ...base,
    readInto: async (bytes) => {
      await base.readInto(bytes)
      reorderHeadRows(bytes, heads, rowBytes, true)
    },
    readFloat32Into: async (values) => {
      await base.readFloat32Into(values)
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      reorderHeadRows(bytes, heads, bytes.byteLength / rows, true)
    },
  }
}

/** A table entry takes more memory than this; so a small file cannot ask for a large table. */
const leastExpertBytes = 64

/** The experts of a stacked tensor, each a tensor of its own; nothing is copied. */
export function expertSlices(
  tensor: StoredTensor,
  source: ByteSource,
  nameOf: (expert: number) => string,
): ReadableTensor[] {
  const [experts = 0, ...shape] = tensor.shape
  if (tensor.shape.length !== 3 || experts === 0 || tensor.byteLength / experts < leastExpertBytes) {
    throw badCheckpoint(source.name, `the tensor ${tensor.name} of shape [${tensor.shape}] holds no experts`)
  }
  const byteLength = tensor.byteLength / experts
  return Array.from({ length: experts }, (_, expert) =>
    storedTensor(
      { name: nameOf(expert), dtype: tensor.dtype, shape, byteLength },
      source,
      tensor.offset + expert * byteLength,
    ),
  )
}

/** A tensor that exists only as computed f32 values. */
export function computedTensor(
  name: string,
  shape: readonly number[],
  readFloat32Into: (values: Float32Array) => Promise<void>,
): ReadableTensor {
  const byteLength = 4 * shape.reduce((product, dimension) => product * dimension, 1)
  return {
    name,
    dtype: 'F32',
    shape,
    byteLength,
    readFloat32Into,
    readInto: async (bytes) => {
      const values = new Float32Array(byteLength / 4)
      await readFloat32Into(values)
      bytes.set(new Uint8Array(values.buffer))
    },
  }
}

/** A weight that the file holds with one added to it. */
export function withoutOne(base: ReadableTensor): ReadableTensor {
  return computedTensor(base.name, base.shape, async (values) => {
    await base.readFloat32Into(values)
    for (let index = 0; index < values.length; index += 1) values[index] = (values[index] as number) - 1
  })
}

/** Writes the transpose of a matrix of `rows` × `columns` elements of `size` bytes. */
export function transposeInto(from: Uint8Array, into: Uint8Array, rows: number, columns: number, size: number): void {
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const source = (row * columns + column) * size
      const target = (column * rows + row) * size
      for (let byte = 0; byte < size; byte += 1) into[target + byte] = from[source + byte] as number
    }
  }
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** A matrix that the file holds transposed; a quantised one is given as f32, since its blocks run along the other side. */
export function transposed(base: ReadableTensor): ReadableTensor {
  if (base.shape.length !== 2) return base
  const [rows, columns] = base.shape as [number, number]
  const shape = [columns, rows]
  const readFloat32Into = async (values: Float32Array) => {
    const lying = new Float32Array(values.length)
    await base.readFloat32Into(lying)
    transposeInto(bytesOf(lying), bytesOf(values), rows, columns, 4)
  }
  if (dtypeLayouts[base.dtype].block > 1) return computedTensor(base.name, shape, readFloat32Into)
  return {
    ...base,
    shape,
    readFloat32Into,
    readInto: async (bytes) => {
      const lying = new Uint8Array(base.byteLength)
      await base.readInto(lying)
      transposeInto(lying, bytes, rows, columns, dtypeLayouts[base.dtype].bytes)
    },
  }
}

/**
 * The up-projection of compressed keys and values, put together from the halves that llama.cpp keeps apart: keys
 * transposed as [heads, rank, keyDim], values as [heads, valueDim, rank]; the whole is [heads·(keyDim + valueDim), rank].
 */
export function joinedKeyValue(
  name: string,
  keys: ReadableTensor,
  values: ReadableTensor,
  file: string,
): ReadableTensor {
  const [heads, rank, keyDim] = keys.shape as [number, number, number]
  const [valueHeads, valueDim, valueRank] = values.shape as [number, number, number]
  if (keys.shape.length !== 3 || values.shape.length !== 3 || heads !== valueHeads || rank !== valueRank) {
    throw badCheckpoint(file, `the tensors ${keys.name} and ${values.name} do not fit together`)
  }
  return computedTensor(name, [heads * (keyDim + valueDim), rank], async (joined) => {
    const [k, v] = [new Float32Array(heads * rank * keyDim), new Float32Array(heads * valueDim * rank)]
    await Promise.all([keys.readFloat32Into(k), values.readFloat32Into(v)])
    const headSize = (keyDim + valueDim) * rank
    for (let head = 0; head < heads; head += 1) {
      const k_RK = k.subarray(head * rank * keyDim, (head + 1) * rank * keyDim)
      const k_KR = joined.subarray(head * headSize, head * headSize + keyDim * rank)
      transposeInto(bytesOf(k_RK), bytesOf(k_KR), rank, keyDim, 4)
      joined.set(v.subarray(head * valueDim * rank, (head + 1) * valueDim * rank), head * headSize + keyDim * rank)
    }
  })
}
