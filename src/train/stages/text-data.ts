import { z } from 'zod'
import { dataShape, unitSchema } from './data-options.ts'

/** Plain texts to learn from. */
export const textDataShape = {
  ...dataShape,
  field: z.string().default('text').describe('The field of a record that holds the text.'),
  unit: unitSchema,
} as const

export const textDataSchema = z.strictObject(textDataShape)

export type TextData = z.output<typeof textDataSchema>
