import { styleText } from 'node:util'
import { R1Error } from '../errors.ts'

/**
 * Tells the reader what went wrong: one sentence on standard error, or with `json` an object on standard output.
 * The stack appears only with R1_DEBUG=1.
 */
export function reportFailure(error: unknown, json: boolean): void {
  const { code, message } = describe(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, undefined, 2)}\n`)
  else process.stderr.write(`${styleText('red', 'error:', { stream: process.stderr })} ${message}\n`)

  if (process.env.R1_DEBUG === '1') console.error(error)
}

function describe(error: unknown): { code: string; message: string } {
  if (R1Error.isInstance(error)) return { code: error.code, message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'unexpected', message: `unexpected: ${message} Set R1_DEBUG=1 to see where it came from.` }
}
