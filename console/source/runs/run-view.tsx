import { useSignal } from '@preact/signals'
import { pathOf, request } from '../api/client.ts'
import type { RunDetails, RunStage } from '../api/types.ts'
import { measured, moment, percent } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { CodeBlock } from '../markdown/code.tsx'
import { Failure } from '../parts/failure.tsx'
import { Icon } from '../parts/icons.tsx'
import { Page } from '../parts/page.tsx'
import { useResource } from '../parts/resource.ts'
import { addressOf, go } from '../state/route.ts'
import { Curves } from './curves.tsx'
import { useMetrics } from './metrics.ts'
import { Samples } from './samples.tsx'
import { Status } from './status.tsx'

/** The stage worth looking at: the one that runs, or else the last one that has begun. */
function interesting(stages: readonly RunStage[]): RunStage | undefined {
  return (
    stages.find(({ status }) => status === 'running') ??
    stages.findLast(({ step }) => step != null) ??
    stages.findLast(({ status }) => status !== 'waiting')
  )
}

export function RunView({ name }: { name: string }) {
  const words = texts.value
  const { value, problem, reload } = useResource(
    (signal) => request<RunDetails>(pathOf(['runs', name]), { signal }),
    [],
  )
  const picked = useSignal<string | undefined>(undefined)
  const stage = value?.stages.find((one) => one.name === picked.value) ?? interesting(value?.stages ?? [])
  const rows = useMetrics(name, stage?.name, value?.status === 'running', reload)
  const last = rows?.at(-1)
  return (
    <Page>
      <nav class="crumb">
        <a href={addressOf({ page: 'runs' })}>
          <Icon name="left" />
          {words.runs}
        </a>
      </nav>
      <header class="page-head">
        <h1>{name}</h1>
        {value && <Status status={value.status} />}
        {value?.startedAt && (
          <p class="hint">
            {words.started} {moment(value.startedAt)}
            {value.updatedAt && ` · ${words.updated} ${moment(value.updatedAt)}`}
          </p>
        )}
      </header>
      {problem?.status === 404 ? (
        <Failure problem={problem} onRetry={() => go({ page: 'runs' })} retryLabel={words.runs} />
      ) : (
        problem && <Failure problem={problem} onRetry={reload} />
      )}
      {value && (
        <section class="block">
          <h2>{words.stages}</h2>
          <StageTable
            stages={value.stages}
            chosen={stage?.name}
            step={typeof last?.step === 'number' ? last.step : undefined}
            onChoose={(stageName) => {
              picked.value = stageName
            }}
          />
        </section>
      )}
      {stage && rows && <Curves rows={rows} group={name} />}
      {stage && <Samples key={stage.name} run={name} stage={stage.name} live={stage.status === 'running'} />}
      {value?.config !== undefined && (
        <section class="block">
          <h2>{words.recipe}</h2>
          <CodeBlock code={JSON.stringify(value.config, null, 2)} language="json" />
        </section>
      )}
    </Page>
  )
}

interface StageTableProps {
  stages: readonly RunStage[]
  chosen: string | undefined
  /** The chosen stage's latest step, which may be newer than the table. */
  step: number | undefined
  onChoose: (name: string) => void
}

function StageTable({ stages, chosen, step, onChoose }: StageTableProps) {
  const words = texts.value
  return (
    <div class="table-frame">
      <table class="wide">
        <thead>
          <tr>
            <th>{words.stage}</th>
            <th>{words.kind}</th>
            <th>{words.statusLabel}</th>
            <th class="right">{words.step}</th>
            <th class="right">{words.loss}</th>
          </tr>
        </thead>
        <tbody>
          {stages.map((stage) => {
            const current = stage.name === chosen
            const at = current && step !== undefined ? Math.max(step, stage.step ?? 0) : stage.step
            return (
              <tr key={stage.name} class={current ? 'current' : undefined}>
                <th scope="row">
                  <button type="button" class="row-button" aria-pressed={current} onClick={() => onChoose(stage.name)}>
                    {stage.name}
                  </button>
                </th>
                <td>{stage.kind}</td>
                <td>
                  <Status status={stage.status} />
                </td>
                <td class="right no-wrap">
                  {at == null ? words.none : measured(at)}
                  {at != null && stage.steps != null && (
                    <span class="hint">
                      {' '}
                      / {measured(stage.steps)} · {percent(at / stage.steps)}
                    </span>
                  )}
                </td>
                <td class="right">{stage.loss == null ? words.none : measured(stage.loss)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
