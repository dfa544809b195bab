import { z } from 'zod'
import { type Environment, loadEnvironment } from '../../environments/index.ts'

/** An environment in a recipe. */
export const environmentSchema = z
  .union([z.string().min(1), z.record(z.string(), z.unknown())])
  .refine((value) => typeof value === 'string' || Object.keys(value).length === 1, {
    message: 'must be a name, a file, or one of these with its options: { countdown: { numbers: 3 } }',
  })
  .describe('Problems whose answers can be checked: a name, a file, or either with options, as { countdown: {…} }.')

/** @throws R1Error as `loadEnvironment` */
export async function openEnvironment(value: z.output<typeof environmentSchema>, base: string): Promise<Environment> {
  if (typeof value === 'string') return loadEnvironment(value, { base })
  const [[name, options]] = Object.entries(value) as [[string, unknown]]
  return loadEnvironment(name, { base, options })
}
