import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { request } from '../api/client.ts'
import type { Run } from '../api/types.ts'
import { measured, moment, percent } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { Failure } from '../parts/failure.tsx'
import { Page } from '../parts/page.tsx'
import { useResource } from '../parts/resource.ts'
import { addressOf, go } from '../state/route.ts'
import { Status } from './status.tsx'

/** Milliseconds between two looks at the list. */
const interval = 5000

export function RunList() {
  const words = texts.value
  const { value, problem, reload } = useResource((signal) => request<{ items: Run[] }>('runs', { signal }), [])
  const chosen = useSignal<readonly string[]>([])
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), interval)
    return () => clearInterval(timer)
  }, [])
  const choose = (name: string, on: boolean) => {
    chosen.value = on ? [...chosen.value, name] : chosen.value.filter((other) => other !== name)
  }
  return (
    <Page>
      <header class="page-head">
        <h1>{words.runs}</h1>
        {(value?.items.length ?? 0) > 1 && (
          <button
            type="button"
            class="button"
            disabled={chosen.value.length < 2}
            title={words.compareHint}
            onClick={() => go({ page: 'runs', compare: chosen.value })}
          >
            {words.compare}
            {chosen.value.length > 1 && ` (${chosen.value.length})`}
          </button>
        )}
      </header>
      {problem && <Failure problem={problem} onRetry={reload} />}
      {value?.items.length === 0 && (
        <div class="empty">
          <h2>{words.noRuns}</h2>
          <p>
            {words.noRunsExplained} <code>npx r1 run recipe.yaml</code>
          </p>
        </div>
      )}
      {value && value.items.length > 0 && (
        <div class="table-frame">
          <table class="wide">
            <thead>
              <tr>
                {value.items.length > 1 && (
                  <th>
                    <span class="out-of-sight">{words.compare}</span>
                  </th>
                )}
                <th>{words.run}</th>
                <th>{words.statusLabel}</th>
                <th>{words.stages}</th>
                <th class="right">{words.loss}</th>
                <th>{words.updated}</th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((run) => (
                <Row
                  key={run.name}
                  run={run}
                  {...(value.items.length > 1 ? { chosen: chosen.value.includes(run.name), onChoose: choose } : {})}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  )
}

interface RowProps {
  run: Run
  chosen?: boolean
  onChoose?: (name: string, on: boolean) => void
}

function Row({ run, chosen = false, onChoose }: RowProps) {
  const words = texts.value
  const done = run.stages.filter(({ status }) => status === 'finished').length
  const current = run.stages.find(({ status }) => status === 'running')
  const loss = run.stages.findLast((stage) => stage.loss != null)?.loss
  return (
    <tr>
      {onChoose && (
        <td class="narrow">
          <input
            type="checkbox"
            aria-label={`${words.compare}: ${run.name}`}
            checked={chosen}
            onChange={(event) => onChoose(run.name, event.currentTarget.checked)}
          />
        </td>
      )}
      <th scope="row">
        <a href={addressOf({ page: 'runs', id: run.name })}>{run.name}</a>
      </th>
      <td>
        <Status status={run.status} />
      </td>
      <td>
        {done}/{run.stages.length}
        {current && (
          <span class="hint">
            {' '}
            {current.name}
            {current.step != null && current.steps ? ` · ${percent(current.step / current.steps)}` : ''}
          </span>
        )}
      </td>
      <td class="right">{loss == null ? words.none : measured(loss)}</td>
      <td class="no-wrap">{run.updatedAt ? moment(run.updatedAt) : words.none}</td>
    </tr>
  )
}
