import { join } from 'node:path'
import { z } from 'zod'
import { copyCompanions, openCheckpoint } from '../../checkpoint/index.ts'
import { makeFolder } from '../../checkpoint/whole-folder.ts'
import { modelOf, r1Model, saveModel } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import type { StageContext } from './stage.ts'

const count = z.int().positive()

/** The sizes of a new student. */
export const studentSchema = z
  .strictObject({
    layers: count.max(128).describe('Layers of the student.'),
    hidden: count.max(16384).optional().describe('Its width, where it shall not follow from the layers.'),
  })
  .describe('A new and smaller model, its weights drawn by the seed: what came out of the stage before is its teacher.')

/**
 * Makes a new student with tokenizer, vocabulary and positions of a teacher.
 *
 * @returns its folder, inside the folder of the stage
 * @throws R1Error `bad-option`, `disk-full`
 */
export async function newStudent(
  { layers, hidden }: z.output<typeof studentSchema>,
  { folder, parent, seed }: StageContext,
): Promise<string> {
  await using checkpoint = await openCheckpoint(parent)
  const { vocabulary, positions, modelType } = modelOf(checkpoint.config)
  const model = r1Model({
    ...{ depth: layers, vocabulary, positions },
    ...(hidden !== undefined && { width: hidden }),
    architecture: modelType === 'qwen3' ? 'qwen3' : 'llama',
  })
  // Planned before it is run: another size is another folder.
  return makeFolder(join(folder, `student-${layers}x${model.width}`), async (out) => {
    using variables = new Variables(seed)
    for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
    await copyCompanions(parent, out)
    await saveModel(out, { model, variables }, { lineage: { version: 1, parent: null, stage: 'new', seed } })
  })
}
