import { type ByteSource, openFileSource } from '../bytes/source.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { unsupportedCheckpoint } from '../failure.ts'
import type { StoredTensor } from '../safetensors/header.ts'
import { type ReadableTensor, readTensorFloat32, storedTensor } from '../stored.ts'
import { TensorTable } from '../table.ts'
import { deriveConfig } from './config.ts'
import { familyOfArchitecture, type GgufFamily, knownArchitectures } from './families.ts'
import { type GgufHeader, readGgufHeader } from './header.ts'
import { expertSlices, headRows, joinedKeyValue, transposed, withoutOne } from './layouts.ts'
import { type NameMatch, NameTable, nameOf } from './names.ts'
import { scalingOfFactors } from './rope.ts'

function findFamily(header: GgufHeader, file: string): GgufFamily {
  const architecture = header.metadata.get('general.architecture')
  const family = typeof architecture === 'string' ? familyOfArchitecture(architecture) : undefined
  if (!family) {
    const what = `its architecture is ${JSON.stringify(architecture)?.slice(0, 60)}`
    throw unsupportedCheckpoint(file, what, `These are read: ${knownArchitectures().join(', ')}.`)
  }
  if (Number(header.metadata.get('split.count') ?? 0) > 1) {
    throw unsupportedCheckpoint(file, 'it is one part of a split file', 'Join the parts with llama-gguf-split --merge.')
  }
  if (family.architecture === 'llama' && Number(header.metadata.get('llama.expert_count') ?? 0) > 0) {
    throw unsupportedCheckpoint(
      file,
      'it is a Llama with experts',
      `These are read: ${knownArchitectures().join(', ')}.`,
    )
  }
  return family
}

function mapTensors(
  header: GgufHeader,
  family: GgufFamily,
  config: Readonly<Record<string, unknown>>,
  source: ByteSource,
): ReadableTensor[] {
  const names = new NameTable(family, 'gguf')
  return header.tensors.flatMap((tensor) => mapTensor(tensor, names.match(tensor.name), config, source))
}

function mapTensor(
  tensor: StoredTensor,
  match: NameMatch | undefined,
  config: Readonly<Record<string, unknown>>,
  source: ByteSource,
): ReadableTensor[] {
  if (!match) return [storedTensor(tensor, source, tensor.offset)]
  if (match.rule.layout === 'experts') {
    return expertSlices(tensor, source, (expert) => nameOf(match, 'hf', String(expert)))
  }
  const base = storedTensor({ ...tensor, name: nameOf(match, 'hf') }, source, tensor.offset)
  switch (match.rule.layout) {
    case 'rotary-q':
      return [headRows(base, Number(config.num_attention_heads), source.name)]
    case 'rotary-k':
      return [headRows(base, Number(config.num_key_value_heads), source.name)]
    case 'plus-one':
      return [withoutOne(base)]
    case 'transposed':
      return [transposed(base)]
    case 'same':
      return [base]
  }
}

const keyHalf = /^blk\.(\d{1,6})\.attn_k_b\.weight$/

/** Puts `kv_b_proj` of latent attention together where the file holds its two halves. */
function joinLatentHalves(tensors: readonly ReadableTensor[], file: string): ReadableTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  for (const keys of tensors) {
    const layer = keyHalf.exec(keys.name)?.[1]
    const values = layer === undefined ? undefined : byName.get(`blk.${layer}.attn_v_b.weight`)
    if (!values) continue
    const name = `model.layers.${layer}.self_attn.kv_b_proj.weight`
    byName.delete(keys.name)
    byName.delete(values.name)
    byName.set(name, joinedKeyValue(name, keys, values, file))
  }
  return [...byName.values()]
}

/** Llama 3 files keep their rope scaling as a tensor of factors; config.json names the formula instead. */
async function readFactors(tensors: readonly StoredTensor[], source: ByteSource): Promise<Float32Array | undefined> {
  const tensor = tensors.find((candidate) => candidate.name === 'rope_freqs.weight')
  if (!tensor || tensor.byteLength > 65536) return undefined
  return readTensorFloat32(storedTensor(tensor, source, tensor.offset))
}

/** Opens GGUF bytes as a checkpoint with Hugging Face's names, shapes and configuration. */
export async function openGgufSource(source: ByteSource, path: string): Promise<Checkpoint> {
  const header = await readGgufHeader(source)
  const family = findFamily(header, source.name)
  const shapes = new Map(header.tensors.map((tensor) => [tensor.name, tensor.shape]))
  const config = deriveConfig(family, header.metadata, { shapeOf: (name) => shapes.get(name) }, source.name)
  const factors = await readFactors(header.tensors, source)
  if (factors) config.rope_scaling = scalingOfFactors(factors, Number(config.rope_theta), source.name)
  const mapped = mapTensors(header, family, config, source).filter((tensor) => tensor.name !== 'rope_freqs.weight')
  return new TensorTable({
    format: 'gguf',
    path,
    config,
    generationConfig: {},
    tensors: joinLatentHalves(mapped, source.name),
    metadata: header.metadata,
    sources: [source],
  })
}

/** Opens a GGUF file. @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint', 'file-not-found' */
export async function openGguf(path: string): Promise<Checkpoint> {
  const source = await openFileSource(path)
  try {
    return await openGgufSource(source, path)
  } catch (error) {
    await source.close()
    throw error
  }
}
