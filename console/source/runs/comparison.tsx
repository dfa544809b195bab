import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { pathOf, request } from '../api/client.ts'
import type { MetricsRow, RunDetails } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { Failure } from '../parts/failure.tsx'
import { Icon } from '../parts/icons.tsx'
import { Page } from '../parts/page.tsx'
import { useResource } from '../parts/resource.ts'
import { Plot } from '../plot/plot.tsx'
import { addressOf } from '../state/route.ts'
import { CurveSettings, isNoisy, logarithmic, nameOf, smooth } from './curves.tsx'
import { measuresOf, seriesOf } from './measures.ts'
import { loadMetrics } from './metrics.ts'

/** Kinds of stages that more than one of the runs has, the most common first. */
function commonKinds(runs: readonly RunDetails[]): string[] {
  const counts = new Map<string, number>()
  for (const { stages } of runs)
    for (const kind of new Set(stages.map((stage) => stage.kind))) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].sort(([, one], [, other]) => other - one).map(([kind]) => kind)
}

/** The curves of several runs over one another, for one kind of stage. */
export function Comparison({ names }: { names: readonly string[] }) {
  const words = texts.value
  const picked = useSignal<string | undefined>(undefined)
  const runs = useResource(
    (signal) => Promise.all(names.map((name) => request<RunDetails>(pathOf(['runs', name]), { signal }))),
    [],
  )
  const kinds = commonKinds(runs.value ?? [])
  const kind = picked.value ?? kinds[0]
  const metrics = useResource(
    async (signal) =>
      Promise.all(
        (runs.value ?? []).map(async ({ name, stages }): Promise<[string, readonly MetricsRow[]]> => {
          const stage = stages.findLast((one) => one.kind === kind)
          return [name, stage ? (await loadMetrics(name, stage.name, signal)).rows : []]
        }),
      ),
    [runs.value, kind],
  )
  const plots = useMemo(() => {
    const all = metrics.value ?? []
    return measuresOf(all.flatMap(([, rows]) => rows)).map((name) => ({
      name,
      series: all.map(([run, rows]) => seriesOf(rows, name, run)).filter(({ x }) => x.length > 0),
    }))
  }, [metrics.value])
  const problem = runs.problem ?? metrics.problem
  return (
    <Page>
      <nav class="crumb">
        <a href={addressOf({ page: 'runs' })}>
          <Icon name="left" />
          {words.runs}
        </a>
      </nav>
      <header class="page-head">
        <h1>{words.compareRuns}</h1>
        {kinds.length > 0 && (
          <select
            aria-label={words.stage}
            value={kind}
            onChange={(event) => {
              picked.value = event.currentTarget.value
            }}
          >
            {kinds.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
        <CurveSettings />
      </header>
      {problem && <Failure problem={problem} onRetry={runs.reload} />}
      {metrics.value && plots.length === 0 && <p class="hint">{words.noMetrics}</p>}
      <div class="plots large">
        {plots.map(({ name, series }) => (
          <Plot
            key={name}
            title={nameOf(name)}
            series={series}
            axis="step"
            group="comparison"
            smooth={isNoisy(name) && smooth.value}
            logarithmic={logarithmic.value && series.every(({ y }) => y.every((value) => value > 0))}
            height={220}
          />
        ))}
      </div>
    </Page>
  )
}
