import { readdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Dtype, dtypeLayouts, elementCount } from '../bytes/dtype.ts'
import type { Checkpoint, CheckpointFormat, TensorEntry } from '../checkpoint.ts'
import { readLicence } from '../licence.ts'
import { type Lineage, readLineage } from '../lineage.ts'
import { openCheckpoint } from '../open.ts'
import { readChatTemplate } from '../text-files.ts'

/** Bytes the weights take if every matrix is held in a precision; vectors stay in f32 where it is quantised. */
export interface MemoryByPrecision {
  readonly f32: number
  readonly f16: number
  readonly int8: number
  readonly int4: number
}

/** What {@link inspectCheckpoint} finds. */
export interface Inspection {
  readonly path: string
  readonly format: CheckpointFormat
  /** `model_type` of config.json. */
  readonly modelType: string | undefined
  readonly className: string | undefined
  readonly parameters: number
  /** Parameters that take part in one token's computation: fewer than all where experts are routed. */
  readonly activeParameters: number
  readonly tensors: number
  /** Parameters by element type. */
  readonly dtypes: Readonly<Record<string, number>>
  /** Bytes of the tensors as they are stored. */
  readonly storedBytes: number
  readonly memory: MemoryByPrecision
  readonly layers: number | undefined
  readonly hiddenSize: number | undefined
  readonly vocabularySize: number | undefined
  readonly contextLength: number | undefined
  readonly chatTemplate: boolean
  readonly tokenizer: string | undefined
  readonly licence: string | undefined
  readonly lineage: Lineage | undefined
}

const parametersOf = (tensor: TensorEntry) => elementCount(tensor.shape) ?? 0

function countByDtype(tensors: readonly TensorEntry[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const tensor of tensors) counts[tensor.dtype] = (counts[tensor.dtype] ?? 0) + parametersOf(tensor)
  return counts
}

function bytesAs(tensors: readonly TensorEntry[], dtype: Dtype): number {
  const { block, bytes } = dtypeLayouts[dtype]
  return tensors.reduce((sum, tensor) => {
    const each = block > 1 && tensor.shape.length < 2 ? 4 : bytes / block
    return sum + Math.ceil(parametersOf(tensor) * each)
  }, 0)
}

/** A whole number of config.json under the first of these keys that is there. */
export function wholeOf(config: Readonly<Record<string, unknown>>, ...keys: string[]): number | undefined {
  const value = keys.map((key) => config[key]).find((candidate) => typeof candidate === 'number')
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

const expertName = /\.experts\.\d+\./

function activeParameters(tensors: readonly TensorEntry[], config: Readonly<Record<string, unknown>>): number {
  const experts = wholeOf(config, 'num_experts', 'n_routed_experts', 'num_local_experts')
  const used = wholeOf(config, 'num_experts_per_tok')
  const share = experts && used ? used / experts : 1
  const count = (tensor: TensorEntry) => parametersOf(tensor) * (expertName.test(tensor.name) ? share : 1)
  return Math.round(tensors.reduce((sum, tensor) => sum + count(tensor), 0))
}

async function tokenizerOf(checkpoint: Checkpoint, folder: string): Promise<string | undefined> {
  const model = checkpoint.metadata.get('tokenizer.ggml.model')
  if (typeof model === 'string') return `GGUF (${model})`
  const names = await readdir(folder)
  return names.find((name) => name === 'tokenizer.json' || name === 'tokenizer.model')
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Tells what an opened checkpoint is. @param folder where its text files lie */
export async function inspect(checkpoint: Checkpoint, folder: string): Promise<Inspection> {
  const { config, metadata } = checkpoint
  const tensors = [...checkpoint.tensors.values()]
  const template = metadata.has('tokenizer.chat_template') || (await readChatTemplate(folder)) !== undefined
  return {
    path: checkpoint.path,
    format: checkpoint.format,
    modelType: textOf(config.model_type),
    className: Array.isArray(config.architectures) ? textOf(config.architectures[0]) : undefined,
    parameters: tensors.reduce((sum, tensor) => sum + parametersOf(tensor), 0),
    activeParameters: activeParameters(tensors, config),
    tensors: tensors.length,
    dtypes: countByDtype(tensors),
    storedBytes: tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0),
    memory: {
      f32: bytesAs(tensors, 'F32'),
      f16: bytesAs(tensors, 'F16'),
      int8: bytesAs(tensors, 'Q8_0'),
      int4: bytesAs(tensors, 'Q4_0'),
    },
    layers: wholeOf(config, 'num_hidden_layers', 'n_layer'),
    hiddenSize: wholeOf(config, 'hidden_size', 'n_embd'),
    vocabularySize: wholeOf(config, 'vocab_size'),
    contextLength: wholeOf(config, 'max_position_embeddings', 'n_positions'),
    chatTemplate: template,
    tokenizer: await tokenizerOf(checkpoint, folder),
    licence: textOf(metadata.get('general.license')) ?? (await readLicence(folder)),
    lineage: await readLineage(folder),
  }
}

/** Opens a checkpoint and tells what it is. @throws what opening throws */
export async function inspectCheckpoint(
  path: string,
): Promise<{ inspection: Inspection; config: Checkpoint['config'] }> {
  await using checkpoint = await openCheckpoint(path)
  const folder = (await stat(path)).isDirectory() ? path : dirname(resolve(path))
  return { inspection: await inspect(checkpoint, folder), config: checkpoint.config }
}
