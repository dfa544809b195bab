import { useEffect, useRef } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { Icon } from '../parts/icons.tsx'
import { remembered } from '../state/preferences.ts'
import { modelNames } from '../state/session.ts'
import { busy, changeSettings, editLast, model, openError, opening, secondModel, send, stop } from './store.ts'

/** What is written and not sent, over a reload too. */
const draft = remembered('r1-draft', '', (value): value is string => typeof value === 'string', sessionStorage)
let field: HTMLTextAreaElement | null = null

export function focusComposer(): void {
  field?.focus()
}

export function fillComposer(text: string): void {
  draft.value = text
  focusComposer()
}

/** Makes a field as high as its text. */
export function fitHeight(element: HTMLTextAreaElement | null): void {
  if (!element) return
  element.style.height = 'auto'
  element.style.height = `${element.scrollHeight}px`
}

/** Enter that sends: not with Shift, and not the one that ends an input method's composition. */
export function isSend(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229
}

export function Composer() {
  const words = texts.value
  const element = useRef<HTMLTextAreaElement>(null)
  const isOpen = !opening.value && !openError.value
  const ready = draft.value.trim() !== '' && !busy.value && model.value !== '' && isOpen
  useEffect(() => {
    field = element.current
    return () => {
      field = null
    }
  }, [])
  useEffect(() => fitHeight(element.current), [draft.value])
  const submit = () => {
    if (!ready) return
    const text = draft.value.trim()
    draft.value = ''
    void send(text)
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <textarea
        ref={element}
        rows={1}
        value={draft.value}
        placeholder={words.messagePlaceholder}
        aria-label={words.message}
        onInput={(event) => {
          draft.value = event.currentTarget.value
        }}
        onKeyDown={(event) => {
          if (isSend(event)) {
            event.preventDefault()
            submit()
          } else if (event.key === 'ArrowUp' && draft.value === '') {
            event.preventDefault()
            editLast()
          }
        }}
      />
      <div class="composer-foot">
        <ModelChoice />
        {busy.value ? (
          <button type="button" class="send" aria-label={words.stop} title={`${words.stop} (Esc)`} onClick={stop}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="send" aria-label={words.send} title={`${words.send} (Enter)`} disabled={!ready}>
            <Icon name="up" />
          </button>
        )}
      </div>
    </form>
  )
}

function ModelChoice() {
  const words = texts.value
  const names = modelNames.value.includes(model.value) ? modelNames.value : [model.value, ...modelNames.value]
  return (
    <div class="model-choice">
      <select
        aria-label={words.model}
        value={model.value}
        onChange={(event) => changeSettings({ model: event.currentTarget.value })}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      {secondModel.value && <span class="second-model">+ {secondModel.value}</span>}
    </div>
  )
}
