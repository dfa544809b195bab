import { SandboxPool } from './pool.ts'
import type { JsonValue, SandboxLimits, SandboxRun } from './task.ts'

/** What code may take without other limits. */
export const sandboxLimits: SandboxLimits = {
  milliseconds: 2000,
  memory: 16 * 2 ** 20,
  stack: 256 * 2 ** 10,
  characters: 100_000,
}

const pool = new SandboxPool()

/**
 * Runs a function that is not trusted, in an interpreter of its own with nothing from outside: JavaScript, or TypeScript
 * whose types are taken away. Nothing that the code does makes this throw or wait for long.
 *
 * @param name of the function
 * @param calls the arguments of each call
 */
export function runUntrusted(
  code: string,
  name: string,
  calls: readonly (readonly JsonValue[])[],
  limits: Partial<SandboxLimits> = {},
): Promise<SandboxRun> {
  return pool.run({ code, name, calls, limits: { ...sandboxLimits, ...limits } })
}
