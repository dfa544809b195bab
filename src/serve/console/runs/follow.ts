import { join } from 'node:path'
import { pause } from '../system.ts'
import { inside } from './inside.ts'
import { type JsonRow, readRows } from './json-lines.ts'
import { readRun, stageNames } from './run-folders.ts'

/** How often files are looked at. */
const lookMilliseconds = 700

export type RunEvent =
  | { readonly type: 'metrics'; readonly stage: string; readonly rows: readonly JsonRow[]; readonly next: number }
  | { readonly type: 'status'; readonly stage: null; readonly rows: readonly unknown[]; readonly status: string }

/**
 * What happens in a run: new rows of metrics with the place in bytes where they end, and its stages when they change.
 *
 * @param isClosed whether the server is ending
 */
export async function* followRun(
  root: string,
  name: string,
  signal: AbortSignal,
  isClosed: () => boolean,
): AsyncGenerator<RunEvent, void, void> {
  const folder = await inside(root, name)
  const places = new Map<string, number>()
  let last = ''
  for (let first = true; !signal.aborted && !isClosed(); first = false) {
    for (const stage of await stageNames(folder)) {
      const path = join(folder, stage, 'metrics.jsonl')
      // Rows from before are asked for by their own route; what is there at first is only passed over.
      for (let more = true; more; ) {
        const page = await readRows(path, places.get(stage) ?? 0)
        more = page.rows.length > 0
        places.set(stage, page.next)
        if (more && !first) yield { type: 'metrics', stage, rows: page.rows, next: page.next }
      }
    }
    const { stages, status } = await readRun(root, name)
    // Steps come with the metrics: only what they do not tell is news.
    const now = JSON.stringify([status, stages.map((stage) => [stage.name, stage.status])])
    if (now !== last) yield { type: 'status', stage: null, rows: stages, status }
    last = now
    await pause(lookMilliseconds, signal)
  }
}
