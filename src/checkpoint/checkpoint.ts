import { R1Error } from '../errors.ts'
import type { Dtype } from './bytes/dtype.ts'
import type { GgufValue } from './gguf/value.ts'

/** What a checkpoint says of one tensor. */
export interface TensorEntry {
  /** The name as in Hugging Face checkpoints, whatever the file's own format calls it. */
  readonly name: string
  readonly dtype: Dtype
  /** Dimensions, outermost first. */
  readonly shape: readonly number[]
  /** Bytes that `read` gives. */
  readonly byteLength: number
}

/** The file formats that weights come in. */
export type CheckpointFormat = 'safetensors' | 'gguf' | 'pytorch'

/** An opened checkpoint: one interface over every file format. Tensors are read on demand, never all at once. */
export interface Checkpoint extends AsyncDisposable {
  readonly format: CheckpointFormat
  /** The folder or file it was opened from. */
  readonly path: string
  /** The keys of Hugging Face's config.json; derived from the metadata where the file is a GGUF. Empty when absent. */
  readonly config: Readonly<Record<string, unknown>>
  /** generation_config.json, or empty. */
  readonly generationConfig: Readonly<Record<string, unknown>>
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** The file's own metadata: a GGUF's keys (`tokenizer.ggml.tokens`, `tokenizer.chat_template`…), safetensors' strings. */
  readonly metadata: ReadonlyMap<string, GgufValue>
  /**
   * The raw bytes of a tensor, little-endian, in its own dtype.
   *
   * @param into memory to fill, of exactly the tensor's byteLength
   * @throws R1Error 'tensor-not-found', 'bad-checkpoint', 'shape-mismatch'
   */
  read(name: string, into?: Uint8Array): Promise<Uint8Array>
  /**
   * A tensor converted or dequantised to f32.
   *
   * @param into memory to fill, one element for each of the tensor's
   * @throws R1Error 'tensor-not-found', 'bad-checkpoint', 'shape-mismatch', 'unsupported-checkpoint'
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>
  close(): Promise<void>
}

/** The error for a tensor that a checkpoint does not hold. */
export function tensorNotFound(name: string, path: string): R1Error {
  return new R1Error('tensor-not-found', `${path} holds no tensor ${JSON.stringify(name)}.`, {
    remedy: 'Check that the checkpoint belongs to this architecture; `r1 inspect` lists its tensors.',
  })
}

/** Checks the length of memory that a caller lent for a result. */
export function checkLent(name: string, expected: number, given: number, unit: string): void {
  if (expected === given) return
  throw new R1Error('shape-mismatch', `Tensor ${name} takes ${expected} ${unit}, the memory given holds ${given}.`, {
    remedy: 'Give memory of exactly that size, or none.',
  })
}
