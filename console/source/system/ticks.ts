import { signal } from '@preact/signals'
import { follow } from '../api/follow.ts'
import type { SystemTick } from '../api/types.ts'
import type { Series } from '../plot/series.ts'

/** Five minutes, one tick a second. */
const most = 300

/** The last minutes of the server, kept while the console is open. */
export const ticks = signal<readonly SystemTick[]>([])

export function followSystem(): () => void {
  return follow<SystemTick>('system/events', (tick) => {
    ticks.value = [...ticks.value.slice(1 - most), tick]
  })
}

/** One value of the ticks over the time, in seconds since 1970; ticks that lack it are left out. */
export function seriesOfTicks(
  all: readonly SystemTick[],
  name: Exclude<keyof SystemTick, 'time'>,
  label: string,
  scale = 1,
): Series {
  const x: number[] = []
  const y: number[] = []
  for (const tick of all) {
    const value = tick[name]
    const seconds = new Date(tick.time).getTime() / 1000
    if (value == null || !Number.isFinite(value) || seconds <= (x.at(-1) ?? 0)) continue
    x.push(seconds)
    y.push(value * scale)
  }
  return { label, x, y }
}
