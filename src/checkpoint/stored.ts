import { R1Error } from '../errors.ts'
import { elementCount } from './bytes/dtype.ts'
import { readAsFloat32 } from './bytes/float32.ts'
import type { ByteSource } from './bytes/source.ts'
import { checkLent, type TensorEntry } from './checkpoint.ts'

/** A tensor of an opened checkpoint and how to get at its numbers. */
export interface ReadableTensor extends TensorEntry {
  readInto(bytes: Uint8Array): Promise<void>
  readFloat32Into(values: Float32Array): Promise<void>
}

/** A tensor that lies in one piece in a file. */
export function storedTensor(entry: TensorEntry, source: ByteSource, offset: number): ReadableTensor {
  return {
    name: entry.name,
    dtype: entry.dtype,
    shape: entry.shape,
    byteLength: entry.byteLength,
    readInto: (bytes) => source.readInto(offset, bytes),
    readFloat32Into: (values) => readAsFloat32(source, offset, entry.dtype, values),
  }
}

function allocate<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new R1Error('out-of-memory', `There is no memory for the tensor ${name} in one piece.`, {
      remedy: 'Close other programs, or use a smaller or sharded checkpoint.',
      cause: error,
    })
  }
}

/** The bytes of a tensor, in lent memory or new. */
export async function readTensor(tensor: ReadableTensor, into?: Uint8Array): Promise<Uint8Array> {
  if (into) checkLent(tensor.name, tensor.byteLength, into.byteLength, 'bytes')
  const bytes = into ?? allocate(tensor.name, () => new Uint8Array(tensor.byteLength))
  await tensor.readInto(bytes)
  return bytes
}

/** The values of a tensor as f32, in lent memory or new. */
export async function readTensorFloat32(tensor: ReadableTensor, into?: Float32Array): Promise<Float32Array> {
  const count = elementCount(tensor.shape) ?? 0
  if (into) checkLent(tensor.name, count, into.length, 'elements')
  const values = into ?? allocate(tensor.name, () => new Float32Array(count))
  await tensor.readFloat32Into(values)
  return values
}
