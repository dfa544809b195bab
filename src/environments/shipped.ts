import type { z } from 'zod'
import type { Environment } from './environment.ts'

/** An environment that comes with the package, made from options. */
export interface ShippedEnvironment {
  readonly name: string
  /** One sentence for help and docs. */
  readonly summary: string
  readonly options: z.ZodType
  /** @param options checked by the schema */
  create(options: unknown): Environment
}

/** Describes an environment: its options' schema and how it is made from them. */
export function shipped<Schema extends z.ZodType>(description: {
  readonly name: string
  readonly summary: string
  readonly options: Schema
  create(options: z.output<Schema>): Environment<never>
}): ShippedEnvironment {
  // What an environment is given as an example is what it gave out before.
  return description as unknown as ShippedEnvironment
}
