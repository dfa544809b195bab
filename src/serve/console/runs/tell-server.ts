import { resolve } from 'node:path'
import { R1Error } from '../../../errors.ts'
import type { RunStatus } from '../../../store/index.ts'
import { findOwner } from '../../../store/lock/owner.ts'

/** The server that has the data folder open, if there is one that can be asked. */
async function tell(folder: string, name: string, status: RunStatus, details: object | null): Promise<void> {
  const server = (await findOwner())?.server
  if (!server) return
  await fetch(new URL('/api/runs', server.address), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ folder, name, status, details }),
    signal: AbortSignal.timeout(3_000),
  })
}

/**
 * Does the work of a run, and tells the server of this data folder, where one runs, that it began and how it ended: so the
 * console shows runs wherever their folders are. The run itself needs no server, so what goes wrong here is passed over.
 *
 * @param runs folder in which the run's own folder lies
 * @param name of the run
 */
export async function toldToServer<Result>(runs: string, name: string, work: () => Promise<Result>): Promise<Result> {
  const folder = resolve(runs, name)
  const say = (status: RunStatus, details: object | null = null) =>
    tell(folder, name, status, details).catch(() => undefined)
  await say('running')
  try {
    const result = await work()
    await say('finished')
    return result
  } catch (error) {
    const isStopped = R1Error.isInstance(error, 'aborted')
    await say(isStopped ? 'stopped' : 'failed', isStopped ? null : { error: String(error).slice(0, 2000) })
    throw error
  }
}
