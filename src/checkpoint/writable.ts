import { R1Error } from '../errors.ts'
import { byteLengthOf, type Dtype, elementCount } from './bytes/dtype.ts'
import { toBrainBits, toHalfBits } from './bytes/half.ts'
import { quantiseQ4_0, quantiseQ4_1, quantiseQ8_0 } from './ggml/quantise.ts'

/** A tensor to be written: its bytes come in pieces, so that a large one need never lie in memory whole. */
export interface WritableTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly byteLength: number
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** Bytes a tensor of this dtype and shape takes. @throws R1Error 'shape-mismatch' */
export function tensorByteLength(name: string, dtype: Dtype, shape: readonly number[]): number {
  const count = elementCount(shape)
  const length = count === undefined ? undefined : byteLengthOf(dtype, count)
  if (length !== undefined) return length
  throw new R1Error('shape-mismatch', `The tensor ${name} of shape [${shape}] cannot be written as ${dtype}.`, {
    remedy: 'Choose another type for it.',
  })
}

/** A tensor's pieces, checked to add up to its size. @throws R1Error 'shape-mismatch' */
export async function* exactChunks(tensor: WritableTensor): AsyncIterable<Uint8Array> {
  let given = 0
  for await (const chunk of tensor.chunks()) {
    given += chunk.byteLength
    if (given <= tensor.byteLength) yield chunk
  }
  if (given !== tensor.byteLength) {
    throw new R1Error('shape-mismatch', `The tensor ${tensor.name} takes ${tensor.byteLength} bytes, not ${given}.`, {
      remedy: 'Give values that fit its shape.',
    })
  }
}

/** A tensor whose raw little-endian bytes are at hand. @throws R1Error 'shape-mismatch' */
export function tensorOfBytes(name: string, dtype: Dtype, shape: readonly number[], bytes: Uint8Array): WritableTensor {
  const byteLength = tensorByteLength(name, dtype, shape)
  if (byteLength !== bytes.byteLength) {
    throw new R1Error(
      'shape-mismatch',
      `The tensor ${name} takes ${byteLength} bytes, ${bytes.byteLength} are given.`,
      {
        remedy: 'Give bytes that fit its shape and dtype.',
      },
    )
  }
  return { name, dtype, shape, byteLength, chunks: () => [bytes] }
}

/** Narrows f32 values to bytes of another dtype. */
type Encode = (values: Float32Array, bytes: Uint8Array) => void

const encoders: Partial<Record<Dtype, Encode>> = {
  F32: (values, bytes) => bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  F16: (values, bytes) => encode16(values, bytes, toHalfBits),
  BF16: (values, bytes) => encode16(values, bytes, toBrainBits),
  Q8_0: quantiseQ8_0,
  Q4_0: quantiseQ4_0,
  Q4_1: quantiseQ4_1,
}

function encode16(values: Float32Array, bytes: Uint8Array, bits: (value: number) => number): void {
  const target = new Uint16Array(bytes.buffer, bytes.byteOffset, values.length)
  for (let index = 0; index < values.length; index += 1) target[index] = bits(values[index] as number)
}

/** The dtypes that f32 values can be written as. */
export function encodableDtypes(): Dtype[] {
  return Object.keys(encoders) as Dtype[]
}

/** Elements converted at a time; a multiple of every block. */
const chunkElements = 2 ** 18

function* encodeChunks(values: Float32Array, dtype: Dtype, encode: Encode): Iterable<Uint8Array> {
  for (let done = 0; done < values.length; done += chunkElements) {
    const part = values.subarray(done, done + chunkElements)
    const bytes = new Uint8Array(byteLengthOf(dtype, part.length) ?? 0)
    encode(part, bytes)
    yield bytes
  }
}

/**
 * A tensor given as f32 values and written as `dtype`: F32, F16, BF16 or a quantised format.
 *
 * @param values the values, or how to get them when their turn comes
 * @throws R1Error 'shape-mismatch', 'unsupported-checkpoint'
 */
export function tensorOfFloat32(
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  values: Float32Array | (() => Promise<Float32Array>),
): WritableTensor {
  const encode = encoders[dtype]
  if (!encode) {
    throw new R1Error('unsupported-checkpoint', `Values cannot be written as ${dtype}.`, {
      remedy: `Choose one of ${encodableDtypes().join(', ')}.`,
    })
  }
  const byteLength = tensorByteLength(name, dtype, shape)
  return {
    name,
    dtype,
    shape,
    byteLength,
    chunks: async function* () {
      yield* encodeChunks(typeof values === 'function' ? await values() : values, dtype, encode)
    },
  }
}
