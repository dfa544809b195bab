import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../open.ts'
import { StoreWorker } from './start-worker.ts'

export interface CrashReport {
  readonly kills: number
  /** Kills while the store was being opened. */
  readonly killsOfOpening: number
  readonly acknowledged: number
  /** Acknowledged messages that are gone. */
  readonly lost: number
  /** Messages beyond one of each id, and messages that nobody sent. */
  readonly duplicated: number
  readonly invented: number
  /** Longest time of an open after a crash, in milliseconds. */
  readonly slowestOpen: number
}

export interface CrashOptions {
  readonly kills: number
  /** From 0 to 1, each time another one. */
  random(): number
  onKill?(kill: number): void
}

/**
 * Kills a process again and again while it writes, every fourth time while it opens the store, and looks each time
 * whether everything it acknowledged is there, once.
 */
export async function crashUnderLoad(folder: string, { kills, random, onKill }: CrashOptions): Promise<CrashReport> {
  const sent = new Map<string, string>()
  const acknowledged = new Set<string>()
  const opens: number[] = []
  let [lost, duplicated, invented, killsOfOpening] = [0, 0, 0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const worker = new StoreWorker(folder, 'write')
    if (kill % 4 === 3) {
      // From before the lock is taken to after the database is open.
      await sleep(300 + random() * 2000)
      killsOfOpening++
    } else {
      const enough = 1 + Math.floor(random() * 100)
      const failure = await worker.line(
        (line) => line.failed ?? worker.lines.filter(({ acknowledged }) => acknowledged).length >= enough,
      )
      if (failure?.failed) throw new Error(`The store did not open: ${failure.message}`)
      await sleep(random() * 20)
    }
    await worker.kill()
    for (const line of worker.lines) {
      if (line.sent && line.conversation) sent.set(line.sent, line.conversation)
      if (line.acknowledged) acknowledged.add(line.acknowledged)
      if (line.milliseconds) opens.push(line.milliseconds)
    }
    const start = performance.now()
    await using store = await openStore({ data: folder, url: null })
    if (kill > 0) opens.push(performance.now() - start)
    const found: string[] = []
    for (const conversation of new Set(sent.values())) {
      for (const { id } of await store.messages.list('local', conversation)) found.push(id)
    }
    const kept = new Set(found)
    lost = [...acknowledged].filter((id) => !kept.has(id)).length
    duplicated += found.length - kept.size
    invented += found.filter((id) => !sent.has(id)).length
    onKill?.(kill + 1)
  }
  // The first one made the database.
  const slowestOpen = Math.max(...opens.slice(1))
  return { kills, killsOfOpening, acknowledged: acknowledged.size, lost, duplicated, invented, slowestOpen }
}
