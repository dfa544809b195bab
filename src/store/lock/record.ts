import { z } from 'zod'

/** What an owner writes about itself into its file. */
export const recordSchema = z.object({
  pid: z.number().int(),
  started: z.string(),
  space: z.string(),
  since: z.string(),
  /** It gave the folder back. */
  released: z.boolean().optional(),
  /** Where its server listens, and what opens all of its doors. */
  address: z.string().optional(),
  token: z.string().optional(),
})

export type OwnerRecord = z.output<typeof recordSchema>
