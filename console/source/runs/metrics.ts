import { useEffect, useState } from 'preact/hooks'
import { pathOf, request } from '../api/client.ts'
import { follow } from '../api/follow.ts'
import type { MetricsPage, MetricsRow, RunEvent } from '../api/types.ts'

/** All rows of a stage so far, page by page. */
export async function loadMetrics(run: string, stage: string, signal?: AbortSignal): Promise<MetricsPage> {
  const rows: MetricsRow[] = []
  let next = 0
  for (;;) {
    const path = pathOf(['runs', run, 'metrics'], { stage, after: next })
    const page = await request<MetricsPage>(path, { signal })
    // A resumed run has written its file anew: what was read of the old one is void.
    if (page.next < next) rows.length = 0
    rows.push(...page.rows)
    if (page.rows.length === 0 || page.next === next) return { rows, next: page.next }
    next = page.next
  }
}

/**
 * The rows of a stage, growing while the run goes on.
 *
 * @param onStatus hears that stages began or ended
 */
export function useMetrics(
  run: string,
  stage: string | undefined,
  live: boolean,
  onStatus: () => void,
): readonly MetricsRow[] | undefined {
  const [rows, setRows] = useState<readonly MetricsRow[] | undefined>(undefined)
  useEffect(() => {
    setRows(undefined)
    if (!stage) return
    const controller = new AbortController()
    const reload = () =>
      loadMetrics(run, stage, controller.signal).then(
        (page) => setRows(page.rows),
        () => controller.signal.aborted || setRows([]),
      )
    void reload()
    const end = live
      ? follow<RunEvent>(
          pathOf(['runs', run, 'events']),
          (event) => {
            if (event.type === 'status') onStatus()
            else if (event.stage === stage) setRows((before) => before && [...before, ...event.rows])
          },
          // What was written while the stream was down.
          () => void reload(),
        )
      : undefined
    return () => {
      controller.abort()
      end?.()
    }
  }, [run, stage, live])
  return rows
}
