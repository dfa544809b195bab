import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { R1Error } from '../../errors.ts'

/**
 * Starts `r1 serve` in a process of its own, with a data folder of its own, does some work with it and ends it.
 *
 * @param flags of `r1 serve`
 * @param work gets the address, once the model is loaded
 */
export async function withServer<Result>(
  flags: readonly string[],
  signal: AbortSignal,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const data = await mkdtemp(join(tmpdir(), 'r1-serve-'))
  const command = [...process.execArgv, process.argv[1] as string, 'serve', '--json', '--port', '0', '--data', data]
  const server = spawn(process.execPath, [...command, '--log-level', 'error', '--most-requests', '100000', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DATABASE_URL: '' },
    signal,
  })
  // Told below, by its exit.
  server.on('error', () => undefined)
  const exited = new Promise<number | null>((resolve) => server.once('exit', (code) => resolve(code)))
  try {
    let address: string | undefined
    for await (const line of createInterface({ input: server.stdout })) {
      const facts = JSON.parse(line) as { event?: string; address?: string }
      address = facts.address ?? address
      if (facts.event === 'ready') break
    }
    if (address === undefined)
      throw new R1Error('server-failed', 'The server did not start.', { remedy: 'Try r1 serve.' })
    return await work(address)
  } finally {
    server.kill('SIGTERM')
    await exited
    await rm(data, { recursive: true, force: true })
  }
}
