import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { locateCheckpoint, openCheckpoint } from '../../checkpoint/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, loadModel } from '../../models/index.ts'
import { teacherScope } from '../objectives/distill.ts'

/** Opens the checkpoint to learn from: a path from the recipe, or what the hub knows. */
export async function openTeacher(teacher: string, base: string) {
  const local = resolve(base, teacher)
  const exists = await stat(local).then(
    () => true,
    () => false,
  )
  return openCheckpoint(await locateCheckpoint(exists ? local : teacher))
}

/** Loads the teacher. @throws R1Error `checkpoint-mismatch` for another vocabulary than the student's */
export async function loadTeacher(path: string, base: string, student: LoadedModel['model']): Promise<LoadedModel> {
  await using checkpoint = await openTeacher(path, base)
  const teacher = await loadModel(checkpoint)
  if (teacher.model.vocabulary === student.vocabulary) return teacher
  teacher.variables.dispose()
  throw new R1Error(
    'checkpoint-mismatch',
    `The teacher has ${teacher.model.vocabulary} tokens, the student ${student.vocabulary}.`,
    { remedy: 'Make the student with the tokenizer of its teacher.' },
  )
}

/** Puts the teacher's parameters beside the student's. */
export function seatTeacher({ variables: parameters }: LoadedModel, { variables }: LoadedModel): void {
  for (const name of parameters.names) {
    const array = parameters.get(name)
    if (array) variables.set(`${teacherScope}.${name}`, array)
  }
}
