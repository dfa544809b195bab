import { dirname, join } from 'node:path'
import { type ByteSource, openFileSource } from '../bytes/source.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { readConfigs } from '../config.ts'
import { badCheckpoint } from '../failure.ts'
import { resolveInFolder } from '../folder.ts'
import { readJsonObject } from '../json.ts'
import { type ReadableTensor, storedTensor } from '../stored.ts'
import { TensorTable } from '../table.ts'
import { withBlockScales } from './fp8.ts'
import { readSafetensorsHeader } from './header.ts'
import { readShardIndex, type ShardIndex } from './shards.ts'

async function closeOnFailure<T>(sources: readonly ByteSource[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()))
    throw error
  }
}

/** Opens one safetensors file, with the configuration beside it if there is any. */
export async function openSafetensorsFile(path: string): Promise<Checkpoint> {
  const { config, generationConfig } = await readConfigs(dirname(path))
  const source = await openFileSource(path)
  return closeOnFailure([source], async () => {
    const header = await readSafetensorsHeader(source)
    const tensors = header.tensors.map((tensor) => storedTensor(tensor, source, tensor.offset))
    return new TensorTable({
      format: 'safetensors',
      path,
      config,
      generationConfig,
      tensors: withBlockScales(tensors, config),
      metadata: header.metadata,
      sources: [source],
    })
  })
}

/** Every tensor of the index must be in the file it names, and every tensor of a file in the index. */
async function readShard(source: ByteSource, name: string, index: ShardIndex): Promise<ReadableTensor[]> {
  const { tensors } = await readSafetensorsHeader(source)
  for (const tensor of tensors) {
    if (index.files.get(tensor.name) !== name) {
      throw badCheckpoint(source.name, `it holds the tensor ${tensor.name}, which the index places elsewhere`)
    }
  }
  return tensors.map((tensor) => storedTensor(tensor, source, tensor.offset))
}

/** Opens a sharded checkpoint by its `model.safetensors.index.json`. */
export async function openSafetensorsIndex(folder: string, indexName: string): Promise<Checkpoint> {
  const { config, generationConfig } = await readConfigs(folder)
  const indexPath = await resolveInFolder(folder, indexName)
  const index = readShardIndex(await readJsonObject(indexPath), indexPath)
  const sources: ByteSource[] = []
  return closeOnFailure(sources, async () => {
    const tensors: ReadableTensor[] = []
    for (const name of index.shards) {
      const source = await openFileSource(await resolveInFolder(folder, name))
      sources.push(source)
      tensors.push(...(await readShard(source, name, index)))
    }
    if (tensors.length !== index.files.size) {
      const found = new Set(tensors.map((tensor) => tensor.name))
      const missing = [...index.files.keys()].find((name) => !found.has(name))
      throw badCheckpoint(join(folder, indexName), `the tensor ${missing} is in none of the files it names`)
    }
    return new TensorTable({
      format: 'safetensors',
      path: folder,
      config,
      generationConfig,
      tensors: withBlockScales(tensors, config),
      metadata: new Map(),
      sources,
    })
  })
}
