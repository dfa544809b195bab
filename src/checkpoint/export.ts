import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { R1Error } from '../errors.ts'
import { writeAtomically, writeJson } from './atomic.ts'
import type { Dtype } from './bytes/dtype.ts'
import type { Checkpoint } from './checkpoint.ts'
import { copyCompanions } from './companions.ts'
import { familyOfModelType } from './gguf/families.ts'
import { ggufEntries } from './gguf/from-checkpoint.ts'
import { ggufTensors } from './gguf/from-tensors.ts'
import { tokenizerOfMetadata } from './gguf/to-tokenizer.ts'
import { writeGguf } from './gguf/write.ts'
import { openCheckpoint } from './open.ts'
import { writeSafetensorsFolder } from './safetensors/write.ts'
import { tensorOfBytes, tensorOfFloat32, type WritableTensor } from './writable.ts'
import { writeModelConfig } from './write-config.ts'

/** Types that each format is written in, by the name a user gives; the first is the default. */
export const exportTypes = {
  gguf: ['f16', 'f32', 'bf16', 'q8_0', 'q4_0', 'q4_1'],
  safetensors: ['keep', 'f32', 'f16', 'bf16'],
} as const satisfies Record<string, readonly string[]>

/** The formats that checkpoints are exported to. */
export type ExportFormat = keyof typeof exportTypes

/** What {@link exportCheckpoint} is to do. */
export interface ExportOptions {
  readonly format: ExportFormat
  /** One of {@link exportTypes} of the format; its first without. */
  readonly type?: string | undefined
  /** The .gguf file, or the folder for safetensors. */
  readonly out: string
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes written so far and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What was written. */
export interface ExportResult {
  readonly path: string
  readonly format: ExportFormat
  readonly type: string
  readonly tensors: number
  /** Bytes of tensors. */
  readonly bytes: number
  /** What the reader should know: what could not come along. */
  readonly notes: readonly string[]
}

/** Lets the caller follow and stop the writing of tensors. */
function followed(tensors: readonly WritableTensor[], { onProgress, signal }: ExportOptions): WritableTensor[] {
  const total = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0)
  let done = 0
  return tensors.map((tensor) => ({
    ...tensor,
    chunks: async function* () {
      for await (const chunk of tensor.chunks()) {
        signal?.throwIfAborted()
        yield chunk
        done += chunk.byteLength
        onProgress?.(done, total)
      }
    },
  }))
}

async function writeAsGguf(checkpoint: Checkpoint, folder: string, dtype: Dtype, options: ExportOptions) {
  const family = familyOfModelType(checkpoint.config.model_type)
  if (!family) {
    const type = String(checkpoint.config.model_type)
    throw new R1Error('unsupported-checkpoint', `Models of the type ${type} cannot be written as GGUF.`, {
      remedy: 'Export as safetensors.',
    })
  }
  const entries = await ggufEntries(checkpoint, folder, family, dtype)
  const tensors = followed(ggufTensors(checkpoint, family, dtype), options)
  await mkdir(dirname(resolve(options.out)), { recursive: true })
  await writeGguf(options.out, entries, tensors)
  const hasTokenizer = entries.some((entry) => entry.key === 'tokenizer.ggml.tokens')
  return { tensors, notes: hasTokenizer ? [] : ['The checkpoint has no tokenizer.json, so the file has no tokenizer.'] }
}

function safetensor(checkpoint: Checkpoint, name: string, wanted: Dtype | undefined): WritableTensor {
  const entry = checkpoint.tensors.get(name)
  if (!entry) throw new R1Error('tensor-not-found', `There is no tensor ${name}.`)
  const { dtype, shape, byteLength } = entry
  const isFloat = /^(F|BF|Q)/.test(dtype)
  const target = isFloat ? (wanted ?? (dtype.startsWith('Q') ? 'F32' : dtype)) : dtype
  if (target !== dtype) return tensorOfFloat32(name, target, shape, () => checkpoint.readFloat32(name))
  return {
    name,
    dtype,
    shape,
    byteLength,
    chunks: async function* () {
      yield* tensorOfBytes(name, dtype, shape, await checkpoint.read(name)).chunks()
    },
  }
}

/** Writes the tokenizer and chat template that a GGUF holds inside. @returns what could not be written */
async function unpackTokenizer(checkpoint: Checkpoint, folder: string): Promise<string[]> {
  const files = tokenizerOfMetadata(checkpoint.metadata)
  const template = checkpoint.metadata.get('tokenizer.chat_template')
  if (typeof template === 'string') {
    const text = new TextEncoder().encode(template)
    await writeAtomically(join(folder, 'chat_template.jinja'), (writer) => writer.write(text))
  }
  if (files) {
    await writeJson(join(folder, 'tokenizer.json'), files.tokenizer)
    await writeJson(join(folder, 'tokenizer_config.json'), files.tokenizerConfig)
    return []
  }
  const kind = checkpoint.metadata.get('tokenizer.ggml.model')
  return kind === undefined ? [] : [`Its tokenizer (${String(kind)}) cannot be written as tokenizer.json.`]
}

/** Numbers of config.json's `torch_dtype`. */
const torchNames: Partial<Record<Dtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }

async function writeAsSafetensors(
  checkpoint: Checkpoint,
  folder: string,
  wanted: Dtype | undefined,
  options: ExportOptions,
) {
  const tensors = [...checkpoint.tensors.keys()].map((name) => safetensor(checkpoint, name, wanted))
  const written = followed(tensors, options)
  await writeSafetensorsFolder(options.out, written)
  const stored = wanted ?? tensors[0]?.dtype
  const torchType = stored === undefined ? undefined : torchNames[stored]
  await writeModelConfig(options.out, { ...checkpoint.config, ...(torchType && { torch_dtype: torchType }) })
  if (checkpoint.format === 'gguf') return { tensors: written, notes: await unpackTokenizer(checkpoint, options.out) }
  if (resolve(folder) !== resolve(options.out)) await copyCompanions(folder, options.out)
  return { tensors: written, notes: [] }
}

function checkType(format: ExportFormat, type: string | undefined): string {
  const types: readonly string[] = exportTypes[format]
  const chosen = type?.toLowerCase() ?? (types[0] as string)
  if (types.includes(chosen)) return chosen
  throw new R1Error('bad-option', `${format} cannot be written as ${chosen}.`, {
    remedy: `Choose one of ${types.join(', ')}.`,
  })
}

/**
 * Writes a checkpoint in another format or type. Names, shapes, configuration and tokenizer come along.
 *
 * @param path what {@link openCheckpoint} opens
 * @throws R1Error 'bad-option', 'unsupported-checkpoint', 'disk-full' and what opening throws
 */
export async function exportCheckpoint(path: string, options: ExportOptions): Promise<ExportResult> {
  const type = checkType(options.format, options.type)
  await using checkpoint = await openCheckpoint(path)
  const folder = (await stat(path)).isDirectory() ? path : dirname(path)
  const dtype = type === 'keep' ? undefined : (type.toUpperCase() as Dtype)
  if (resolve(options.out) === resolve(path)) {
    throw new R1Error('bad-option', 'A checkpoint cannot be exported onto itself.', { remedy: 'Give another --out.' })
  }
  const { tensors, notes } =
    options.format === 'gguf'
      ? await writeAsGguf(checkpoint, folder, dtype ?? 'F16', options)
      : await writeAsSafetensors(checkpoint, folder, dtype, options)
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0)
  return { path: options.out, format: options.format, type, tensors: tensors.length, bytes, notes }
}
