import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { MetricsRow } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { Plot } from '../plot/plot.tsx'
import { measuresOf, seriesOf } from './measures.ts'

/** How curves are drawn, the same for all while the console is open. */
export const smooth = signal(true)
export const logarithmic = signal(false)

/** What is set, not measured, needs no smoothing. */
export const isNoisy = (measure: string): boolean => measure !== 'rate'

/** A measure's name in the reader's language; names of recipes' own stay as they are. */
export function nameOf(measure: string): string {
  return texts.value.measures[measure] ?? measure
}

export function CurveSettings() {
  const words = texts.value
  return (
    <div class="toggles">
      <label class="check">
        <input
          type="checkbox"
          checked={smooth.value}
          onChange={(event) => {
            smooth.value = event.currentTarget.checked
          }}
        />
        <span>{words.smooth}</span>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={logarithmic.value}
          onChange={(event) => {
            logarithmic.value = event.currentTarget.checked
          }}
        />
        <span>{words.logarithmic}</span>
      </label>
    </div>
  )
}

/** One plot for each thing that a stage measures. */
export function Curves({ rows, group }: { rows: readonly MetricsRow[]; group: string }) {
  const words = texts.value
  const plots = useMemo(
    () =>
      measuresOf(rows).map((name) => {
        const series = seriesOf(rows, name, nameOf(name))
        return { name, series: [series] }
      }),
    [rows, words],
  )
  return (
    <section class="block">
      <header class="block-head">
        <h2>{words.curves}</h2>
        {plots.length > 0 && <CurveSettings />}
      </header>
      {plots.length === 0 && <p class="hint">{words.noMetrics}</p>}
      <div class="plots">
        {plots.map(({ name, series }) => (
          <Plot
            key={name}
            title={nameOf(name)}
            series={series}
            axis="step"
            group={group}
            smooth={isNoisy(name) && smooth.value}
            logarithmic={logarithmic.value && (series[0]?.y.every((value) => value > 0) ?? false)}
          />
        ))}
      </div>
    </section>
  )
}
