import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { R1Error } from '../errors.ts'
import { type Graph, initializerOf, optimize } from '../tensor/index.ts'
import { type ExternalFile, lowerGraph } from './lower.ts'
import type { Variables } from './variables.ts'

/** ONNX Runtime maps external data: tensors begin at multiples of a page. */
const page = 4096

/** A file that grows by aligned pieces. */
class DataFile implements ExternalFile {
  readonly location: string
  private readonly descriptor: number
  private end = 0

  constructor(path: string, location: string) {
    this.location = location
    this.descriptor = openSync(path, 'w')
  }

  append(bytes: Uint8Array): number {
    const offset = Math.ceil(this.end / page) * page
    for (let written = 0; written < bytes.byteLength; ) {
      written += writeSync(this.descriptor, bytes, written, bytes.byteLength - written, offset + written)
    }
    this.end = offset + bytes.byteLength
    return offset
  }

  close(): void {
    fsyncSync(this.descriptor)
    closeSync(this.descriptor)
  }
}

/**
 * Writes a traced graph as an ONNX model of stock operators, with its variables as constants: `<path>` and, beside it,
 * `<path>.data` with the large ones. Both appear whole or not at all.
 *
 * @param path ends in `.onnx`
 * @throws R1Error `cannot-write` where the folder cannot be written or the disk is full
 */
export function exportOnnx(graph: Graph, variables: Variables, path: string): void {
  const target = { device: 'cpu', kernels: new Set<string>() } as const
  const parts = [path, `${path}.data`].map((final) => ({ final, partial: `${final}.partial` }))
  const [model, data] = parts as [(typeof parts)[0], (typeof parts)[0]]
  try {
    const file = new DataFile(data.partial, basename(data.final))
    const lowered = lowerGraph(optimize({ ...graph, assignments: [] }, target), target, {
      external: file,
      constantBytes: (tensor) =>
        initializerOf(tensor) && variables.ensure(tensor, String(tensor.node.attributes.name)).bytes,
    })
    file.close()
    const descriptor = openSync(model.partial, 'w')
    writeSync(descriptor, lowered.model)
    fsyncSync(descriptor)
    closeSync(descriptor)
    renameSync(data.partial, data.final)
    renameSync(model.partial, model.final)
  } catch (error) {
    for (const { partial } of parts) rmSync(partial, { force: true })
    if (R1Error.isInstance(error)) throw error
    throw new R1Error('cannot-write', `${path} cannot be written: ${(error as Error).message}.`, { cause: error })
  }
}
