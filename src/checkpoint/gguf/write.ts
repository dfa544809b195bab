import { R1Error } from '../../errors.ts'
import { writeAtomically } from '../atomic.ts'
import { exactChunks, type WritableTensor } from '../writable.ts'
import { ByteWriter, encodeEntry, type GgufEntry } from './encode.ts'
import { ggmlNumber } from './tensor-types.ts'

/** Data of each tensor begins at a multiple of this. */
const alignment = 32

const padded = (length: number) => Math.ceil(length / alignment) * alignment

function encodeHeader(entries: readonly GgufEntry[], tensors: readonly WritableTensor[]): Uint8Array {
  const writer = new ByteWriter()
  writer.u32(0x46554747)
  writer.u32(3)
  writer.u64(tensors.length)
  writer.u64(entries.length)
  for (const entry of entries) encodeEntry(writer, entry)
  let offset = 0
  for (const { name, dtype, shape, byteLength } of tensors) {
    const number = ggmlNumber(dtype)
    if (number === undefined || shape.length > 4) {
      throw new R1Error('unsupported-checkpoint', `A GGUF file cannot hold the tensor ${name} (${dtype} [${shape}]).`, {
        remedy: 'Choose F32, F16, BF16 or a quantised type, and at most four dimensions.',
      })
    }
    writer.string(name)
    writer.u32(shape.length)
    for (const dimension of [...shape].reverse()) writer.u64(dimension)
    writer.u32(number)
    writer.u64(offset)
    offset += padded(byteLength)
  }
  writer.pad(alignment)
  return writer.finish()
}

/** The bytes of a GGUF file, version 3, piece by piece. @throws R1Error 'shape-mismatch', 'unsupported-checkpoint' */
export async function* encodeGguf(
  entries: readonly GgufEntry[],
  tensors: readonly WritableTensor[],
): AsyncIterable<Uint8Array> {
  yield encodeHeader(entries, tensors)
  for (const tensor of tensors) {
    yield* exactChunks(tensor)
    yield new Uint8Array(padded(tensor.byteLength) - tensor.byteLength)
  }
}

/** Writes a GGUF file, whole or not at all. @throws R1Error 'disk-full', 'shape-mismatch', 'unsupported-checkpoint' */
export async function writeGguf(
  path: string,
  entries: readonly GgufEntry[],
  tensors: readonly WritableTensor[],
): Promise<void> {
  await writeAtomically(path, async (writer) => {
    for await (const chunk of encodeGguf(entries, tensors)) await writer.write(chunk)
  })
}
