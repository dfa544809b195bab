import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../../errors.ts'
import { writeAtomically, writeJson } from '../atomic.ts'
import { dtypeLayouts } from '../bytes/dtype.ts'
import { fileFailure } from '../failure.ts'
import { exactChunks, type WritableTensor } from '../writable.ts'
import { planShards, shardName } from './shards.ts'

/** Options of {@link writeSafetensors}. */
export interface SafetensorsWriteOptions {
  /** Strings for `__metadata__`; `format: 'pt'` is what other libraries expect. */
  metadata?: Readonly<Record<string, string>>
}

/** Options of {@link writeSafetensorsFolder}. */
export interface ShardedWriteOptions extends SafetensorsWriteOptions {
  /** The most bytes of tensors in one file; 5 GB as in Hugging Face's tools. */
  maxShardBytes?: number
}

/** Larger elements first, as the reference writer does, so that every tensor begins at a multiple of its element. */
function inFileOrder(tensors: readonly WritableTensor[]): WritableTensor[] {
  const size = (tensor: WritableTensor) => dtypeLayouts[tensor.dtype].bytes
  return [...tensors].sort((a, b) => size(b) - size(a))
}

function encodeHeader(tensors: readonly WritableTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>()
  if (Object.keys(metadata).length > 0) entries.set('__metadata__', metadata)
  let begin = 0
  for (const { name, dtype, shape, byteLength } of tensors) {
    if (entries.has(name) || name === '__proto__' || dtypeLayouts[dtype].block > 1) {
      throw new R1Error('bad-option', `A safetensors file cannot hold the tensor ${name} (${dtype}).`, {
        remedy: 'Names must be distinct, and quantised blocks are for GGUF files.',
      })
    }
    entries.set(name, { dtype, shape, data_offsets: [begin, begin + byteLength] })
    begin += byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const padded = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + padded).fill(32)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(text, 8)
  return bytes
}

/** The bytes of a safetensors file, piece by piece. @throws R1Error 'shape-mismatch', 'bad-option' */
export async function* encodeSafetensors(
  tensors: readonly WritableTensor[],
  options: SafetensorsWriteOptions = {},
): AsyncIterable<Uint8Array> {
  const ordered = inFileOrder(tensors)
  yield encodeHeader(ordered, options.metadata ?? { format: 'pt' })
  for (const tensor of ordered) yield* exactChunks(tensor)
}

/**
 * Writes one safetensors file, whole or not at all.
 *
 * @throws R1Error 'disk-full', 'shape-mismatch', 'bad-option'
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  options: SafetensorsWriteOptions = {},
): Promise<void> {
  await writeAtomically(path, async (writer) => {
    for await (const chunk of encodeSafetensors(tensors, options)) await writer.write(chunk)
  })
}

const weightFile = /^(model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json)$/

async function removeStale(folder: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (weightFile.test(name) && !keep.has(name)) await rm(join(folder, name), { force: true })
  }
}

/**
 * Writes the weights of a checkpoint folder: `model.safetensors`, or shards and `model.safetensors.index.json` where
 * they pass the limit. Weight files of an earlier checkpoint there are removed at the end.
 *
 * @returns the names of the files written
 * @throws R1Error 'disk-full', 'shape-mismatch', 'bad-option'
 */
export async function writeSafetensorsFolder(
  folder: string,
  tensors: readonly WritableTensor[],
  options: ShardedWriteOptions = {},
): Promise<string[]> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileFailure(folder, error)
  })
  const plans = planShards(tensors, options.maxShardBytes ?? 5e9)
  const names = plans.map((_, index) => shardName(index, plans.length))
  const map: [string, string][] = []
  for (const [index, plan] of plans.entries()) {
    const name = names[index] as string
    await writeSafetensors(join(folder, name), plan.tensors, options)
    for (const tensor of plan.tensors) map.push([tensor.name, name])
  }
  if (plans.length > 1) {
    const total = plans.reduce((sum, plan) => sum + plan.byteLength, 0)
    names.push('model.safetensors.index.json')
    await writeJson(join(folder, 'model.safetensors.index.json'), {
      metadata: { total_size: total },
      weight_map: Object.fromEntries(map.sort(([a], [b]) => (a < b ? -1 : 1))),
    })
  }
  await removeStale(folder, new Set(names))
  return names
}
