import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Runs `r1 bench <words> --json` in a process of its own, so that its memory and its warm-up are its own.
 *
 * @returns what it printed, parsed
 */
export async function runApart(words: readonly string[], signal: AbortSignal): Promise<unknown> {
  const command = process.argv[1] as string
  const parts = [...process.execArgv, command, 'bench', ...words, '--json']
  const { stdout } = await run(process.execPath, parts, { signal, maxBuffer: 1 << 24 })
  return JSON.parse(stdout)
}
