import type { z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { Caller } from '../context.ts'
import { failures } from '../routes/fields.ts'

/** Answers of a route of the console that gives JSON. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  200: { description, content: { 'application/json': { schema } } },
  ...failures,
})

/** The body of a request. */
export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
})

/** Answers of a route that gives server-sent events. */
export const events = (description: string) => ({
  200: { description, content: { 'text/event-stream': { schema: {} } } },
  ...failures,
})

/** @throws R1Error `forbidden` */
export function requireAdmin({ admin }: Caller): void {
  if (!admin) throw new R1Error('forbidden', 'Only an administrator may do this.', { remedy: 'Use the admin key.' })
}
