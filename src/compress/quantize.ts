import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { exportCheckpoint, exportTypes, openCheckpoint } from '../checkpoint/index.ts'
import { modelOf } from '../models/index.ts'
import type { Stage } from '../train/stages/stage.ts'

const options = z.strictObject({
  format: z.literal('gguf').default('gguf').describe('The file format; GGUF runs here and in llama.cpp.'),
  type: z.enum(exportTypes.gguf).default('q8_0').describe('What matrices are stored as.'),
})

/** Writes the checkpoint before it as a GGUF file, its matrices in few bits. */
export const quantize: Stage<typeof options> = {
  name: 'quantize',
  summary: 'Writes the checkpoint as a GGUF file with few bits a weight.',
  options,
  async plan(_, { parent }) {
    await using checkpoint = await openCheckpoint(parent)
    const shapes = modelOf(checkpoint.config)
      .parameters()
      .map(({ tensor }) => tensor.shape as readonly number[])
    const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((product, extent) => product * extent, 1), 0)
    return { parameters, steps: 0, tokens: 0, operations: 0, memory: 0 }
  },
  async run({ format, type }, { folder, parent, signal }) {
    const checkpoint = join(folder, 'checkpoint')
    await mkdir(checkpoint, { recursive: true })
    const out = join(checkpoint, `model-${type}.gguf`)
    const { bytes } = await exportCheckpoint(parent, { format, type, out, signal })
    const { size } = await stat(out)
    return { checkpoint, metrics: { bytes, fileBytes: size }, data: {} }
  },
}
