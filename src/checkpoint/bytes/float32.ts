import { dequantisers } from '../ggml/dequantise.ts'
import { type Dtype, dtypeLayouts } from './dtype.ts'
import { f8E4M3Table, f8E5M2Table, halfTable } from './half.ts'
import type { ByteSource } from './source.ts'

/** Converts `bytes`, whole blocks of `dtype`, to f32. `bytes` must start at a multiple of 8 of its buffer. */
function convert(dtype: Dtype, bytes: Uint8Array, into: Float32Array): void {
  const count = into.length
  const { buffer, byteOffset } = bytes
  const dequantise = dequantisers[dtype]
  if (dequantise) {
    dequantise(bytes, into, count / dtypeLayouts[dtype].block, halfTable())
    return
  }
  switch (dtype) {
    case 'F32':
      into.set(new Float32Array(buffer, byteOffset, count))
      break
    case 'F64':
      into.set(new Float64Array(buffer, byteOffset, count))
      break
    case 'F16':
      lookUp(halfTable(), new Uint16Array(buffer, byteOffset, count), into)
      break
    case 'BF16':
      widenBrainFloats(new Uint16Array(buffer, byteOffset, count), into)
      break
    case 'F8_E4M3':
      lookUp(f8E4M3Table(), bytes, into)
      break
    case 'F8_E5M2':
      lookUp(f8E5M2Table(), bytes, into)
      break
    case 'I64':
      into.set(Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number))
      break
    case 'U64':
      into.set(Float32Array.from(new BigUint64Array(buffer, byteOffset, count), Number))
      break
    case 'I32':
      into.set(new Int32Array(buffer, byteOffset, count))
      break
    case 'U32':
      into.set(new Uint32Array(buffer, byteOffset, count))
      break
    case 'I16':
      into.set(new Int16Array(buffer, byteOffset, count))
      break
    case 'U16':
      into.set(new Uint16Array(buffer, byteOffset, count))
      break
    case 'I8':
      into.set(new Int8Array(buffer, byteOffset, count))
      break
    default:
      into.set(bytes.subarray(0, count))
      break
  }
}

function lookUp(table: Float32Array, bits: Uint16Array | Uint8Array, into: Float32Array): void {
  for (let index = 0; index < into.length; index += 1) into[index] = table[bits[index] as number] as number
}

/** A bfloat16 is the upper half of an f32. */
function widenBrainFloats(bits: Uint16Array, into: Float32Array): void {
  const widened = new Uint32Array(into.buffer, into.byteOffset, into.length)
  for (let index = 0; index < into.length; index += 1) widened[index] = (bits[index] as number) << 16
}

/** Elements converted at a time: 2¹⁸ keeps the scratch memory at 2 MB or less. */
const chunkElements = 2 ** 18

/**
 * Reads `into.length` elements of `dtype` from `offset` on and converts them to f32, in chunks: peak memory is the
 * result and two small scratches, never a second copy. One chunk is read while the one before is converted.
 */
export async function readAsFloat32(
  source: ByteSource,
  offset: number,
  dtype: Dtype,
  into: Float32Array,
): Promise<void> {
  if (dtype === 'F32') {
    return source.readInto(offset, new Uint8Array(into.buffer, into.byteOffset, into.byteLength))
  }
  if (into.length === 0) return
  const { block, bytes } = dtypeLayouts[dtype]
  const chunk = (Math.min(chunkElements, into.length) / block) * bytes
  const scratches = [new Uint8Array(chunk), new Uint8Array(into.length > chunkElements ? chunk : 0)]
  const readFrom = async (done: number): Promise<Uint8Array> => {
    const count = Math.min(chunkElements, into.length - done)
    const scratch = scratches[(done / chunkElements) % 2] as Uint8Array
    const part = scratch.subarray(0, (count / block) * bytes)
    await source.readInto(offset + (done / block) * bytes, part)
    return part
  }
  let coming = readFrom(0)
  for (let done = 0; done < into.length; done += chunkElements) {
    const part = await coming
    const next = done + chunkElements
    if (next < into.length) coming = readFrom(next)
    convert(dtype, part, into.subarray(done, next))
  }
}

/** Converts bytes in memory, whole blocks of `dtype`, to f32. */
export function bytesToFloat32(dtype: Dtype, bytes: Uint8Array, into: Float32Array): void {
  convert(dtype, bytes.byteOffset % 8 === 0 ? bytes : bytes.slice(), into)
}
