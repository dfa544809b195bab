import { useId } from 'preact/hooks'
import type { Sampling } from '../api/types.ts'
import { decimal } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { settingsOpen, withProbabilities } from '../state/preferences.ts'
import { modelNames } from '../state/session.ts'
import { Backdrop } from './conversation-list.tsx'
import { changeSettings, currentId, model, secondModel, settings } from './store.ts'

interface Dial {
  readonly name: Exclude<keyof Sampling, 'seed' | 'maxTokens'>
  readonly low: number
  readonly high: number
  readonly step: number
  /** Where the slider stands while the model decides. */
  readonly rest: number
}

const dials: readonly Dial[] = [
  { name: 'temperature', low: 0, high: 2, step: 0.05, rest: 0.6 },
  { name: 'topP', low: 0.05, high: 1, step: 0.05, rest: 0.95 },
  { name: 'topK', low: 1, high: 200, step: 1, rest: 50 },
  { name: 'minP', low: 0, high: 0.5, step: 0.01, rest: 0 },
  { name: 'repetitionPenalty', low: 0.8, high: 2, step: 0.05, rest: 1 },
]

const counts = [
  { name: 'maxTokens', low: 1, high: 1_000_000 },
  { name: 'seed', low: 0, high: 2 ** 32 - 1 },
] as const

/** Changes one value of sampling; without a value the model decides again. */
function change(name: keyof Sampling, value: number | undefined): void {
  const { [name]: _before, ...rest } = settings.value.sampling
  changeSettings({ sampling: value === undefined ? rest : { ...rest, [name]: value } })
}

export function SettingsPanel() {
  const words = texts.value
  if (!settingsOpen.value) return null
  const close = () => (settingsOpen.value = false)
  const { system, sampling } = settings.value
  return (
    <>
      <Backdrop onClick={close} />
      <aside class="panel" aria-label={words.panel}>
        <header>
          <h2>{words.panel}</h2>
          <IconButton icon="close" label={words.close} onClick={close} />
        </header>
        <p class="hint">{currentId.value ? words.thisConversation : words.forNewConversations}</p>
        <Models />
        <label class="field">
          <span>{words.systemPrompt}</span>
          <textarea
            rows={4}
            value={system}
            placeholder={words.systemPromptPlaceholder}
            onInput={(event) => changeSettings({ system: event.currentTarget.value })}
          />
        </label>
        <h3>{words.sampling}</h3>
        {dials.map((dial) => (
          <DialField key={dial.name} dial={dial} value={sampling[dial.name]} />
        ))}
        {counts.map((count) => (
          <CountField key={count.name} {...count} value={sampling[count.name]} />
        ))}
        <label class="check">
          <input
            type="checkbox"
            checked={withProbabilities.value}
            onChange={(event) => {
              withProbabilities.value = event.currentTarget.checked
            }}
          />
          <span>
            {words.recordProbabilities}
            <small>{words.recordProbabilitiesHint}</small>
          </span>
        </label>
      </aside>
    </>
  )
}

function Models() {
  const words = texts.value
  return (
    <div class="pair">
      <label class="field">
        <span>{words.model}</span>
        <select value={model.value} onChange={(event) => changeSettings({ model: event.currentTarget.value })}>
          {modelNames.value.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{words.compareWith}</span>
        <select
          value={secondModel.value ?? ''}
          onChange={(event) => {
            secondModel.value = event.currentTarget.value || undefined
          }}
        >
          <option value="">{words.noOther}</option>
          {modelNames.value.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

function DialField({ dial: { name, low, high, step, rest }, value }: { dial: Dial; value: number | undefined }) {
  const words = texts.value
  const id = useId()
  return (
    <div class={`dial${value === undefined ? ' at-rest' : ''}`}>
      <label for={id}>{words[name]}</label>
      {value === undefined ? (
        <output for={id}>{words.byModel}</output>
      ) : (
        <button type="button" class="link" title={words.reset} onClick={() => change(name, undefined)}>
          {decimal(value)}
        </button>
      )}
      <input
        id={id}
        type="range"
        min={low}
        max={high}
        step={step}
        value={value ?? rest}
        title={words[`${name}Hint`]}
        onInput={(event) => change(name, event.currentTarget.valueAsNumber)}
      />
    </div>
  )
}

interface CountFieldProps {
  name: 'maxTokens' | 'seed'
  low: number
  high: number
  value: number | undefined
}

function CountField({ name, low, high, value }: CountFieldProps) {
  const words = texts.value
  return (
    <label class="field count">
      <span>{words[name]}</span>
      <input
        type="number"
        min={low}
        max={high}
        step={1}
        value={value ?? ''}
        placeholder={words.byModel}
        title={words[`${name}Hint`]}
        onInput={({ currentTarget: field }) => {
          const number = field.valueAsNumber
          if (field.value === '') change(name, undefined)
          else if (Number.isInteger(number) && number >= low && number <= high) change(name, number)
        }}
      />
    </label>
  )
}
