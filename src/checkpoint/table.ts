import type { ByteSource } from './bytes/source.ts'
import { type Checkpoint, type CheckpointFormat, type TensorEntry, tensorNotFound } from './checkpoint.ts'
import { badCheckpoint } from './failure.ts'
import type { GgufValue } from './gguf/value.ts'
import { type ReadableTensor, readTensor, readTensorFloat32 } from './stored.ts'

/** What every format's opener finds out. */
export interface CheckpointParts {
  readonly format: CheckpointFormat
  readonly path: string
  readonly config: Readonly<Record<string, unknown>>
  readonly generationConfig: Readonly<Record<string, unknown>>
  readonly tensors: Iterable<ReadableTensor>
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** The open files, closed with the checkpoint. */
  readonly sources: readonly ByteSource[]
}

/** A checkpoint over a table of tensors that each know how to read themselves. */
export class TensorTable implements Checkpoint {
  readonly format: CheckpointFormat
  readonly path: string
  readonly config: Readonly<Record<string, unknown>>
  readonly generationConfig: Readonly<Record<string, unknown>>
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly #tensors = new Map<string, ReadableTensor>()
  readonly #sources: readonly ByteSource[]

  constructor(parts: CheckpointParts) {
    this.format = parts.format
    this.path = parts.path
    this.config = parts.config
    this.generationConfig = parts.generationConfig
    this.metadata = parts.metadata
    this.#sources = parts.sources
    for (const tensor of parts.tensors) {
      if (this.#tensors.has(tensor.name)) throw badCheckpoint(parts.path, `it holds the tensor ${tensor.name} twice`)
      this.#tensors.set(tensor.name, tensor)
    }
  }

  get tensors(): ReadonlyMap<string, TensorEntry> {
    return this.#tensors
  }

  #tensor(name: string): ReadableTensor {
    const tensor = this.#tensors.get(name)
    if (!tensor) throw tensorNotFound(name, this.path)
    return tensor
  }

  async read(name: string, into?: Uint8Array): Promise<Uint8Array> {
    return readTensor(this.#tensor(name), into)
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    return readTensorFloat32(this.#tensor(name), into)
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
