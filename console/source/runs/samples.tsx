import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { pathOf, request } from '../api/client.ts'
import { measured } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { useResource } from '../parts/resource.ts'

type Sample = Record<string, unknown>

/** Samples to look at are few; a stage may write many. */
const most = 1000
const interval = 10_000

/** What the model wrote while it was trained, step by step. */
export function Samples({ run, stage, live }: { run: string; stage: string; live: boolean }) {
  const words = texts.value
  const picked = useSignal<number | undefined>(undefined)
  const { value, reload } = useResource(
    (signal) =>
      request<{ rows: Sample[] }>(pathOf(['runs', run, 'samples'], { stage, limit: most }), { signal }).catch(() => ({
        rows: [],
      })),
    [run, stage],
  )
  useEffect(() => {
    if (!live) return
    const timer = setInterval(() => document.hidden || reload(), interval)
    return () => clearInterval(timer)
  }, [live])
  const rows = value?.rows ?? []
  const steps = [...new Set(rows.map(({ step }) => Number(step ?? 0)))].sort((one, other) => one - other)
  if (steps.length === 0) return null
  const place = picked.value === undefined ? steps.length - 1 : Math.max(0, steps.indexOf(picked.value))
  const step = steps[place] ?? 0
  const show = (index: number) => {
    picked.value = index >= steps.length - 1 ? undefined : steps[index]
  }
  return (
    <section class="block">
      <header class="block-head">
        <h2>{words.samples}</h2>
        <div class="stepper">
          <IconButton icon="left" label={words.older} disabled={place <= 0} onClick={() => show(place - 1)} />
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={place}
            aria-label={words.step}
            aria-valuetext={words.atStep(String(step))}
            onInput={(event) => show(event.currentTarget.valueAsNumber)}
          />
          <IconButton
            icon="right"
            label={words.newer}
            disabled={place >= steps.length - 1}
            onClick={() => show(place + 1)}
          />
          <span>{words.atStep(measured(step))}</span>
        </div>
      </header>
      <ul class="samples">
        {rows
          .filter((row) => Number(row.step ?? 0) === step)
          .map((row, index) => (
            <SampleView key={index} sample={row} />
          ))}
      </ul>
    </section>
  )
}

function shown(value: unknown): string {
  if (typeof value === 'number') return measured(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function SampleView({ sample: { step: _step, prompt, text, ...rest } }: { sample: Sample }) {
  const words = texts.value
  const facts = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)
  return (
    <li class="sample">
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{words.measures[name] ?? name}</dt>
            <dd>{shown(value)}</dd>
          </div>
        ))}
      </dl>
      {prompt !== undefined && <p class="prompt">{shown(prompt)}</p>}
      {text !== undefined && <p class="written">{shown(text)}</p>}
    </li>
  )
}
