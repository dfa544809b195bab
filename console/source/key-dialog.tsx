import { useSignal } from '@preact/signals'
import { texts } from './language/index.ts'
import { Dialog } from './parts/dialog.tsx'
import { keyRefused, useKey } from './state/session.ts'

/** Asks for the key that the server wants. */
export function KeyDialog() {
  const words = texts.value
  const key = useSignal('')
  const outcome = useSignal<'right' | 'wrong' | 'untried'>('right')
  const submit = async (event: Event) => {
    event.preventDefault()
    if (key.value.trim()) outcome.value = await useKey(key.value)
  }
  return (
    <Dialog title={words.keyTitle} onClose={() => undefined} firm>
      <form onSubmit={(event) => void submit(event)}>
        <p>{keyRefused.value ? words.keyRefused : words.keyExplained}</p>
        <label class="field">
          <span>{words.key}</span>
          <input
            type="password"
            name="key"
            autocomplete="current-password"
            value={key.value}
            aria-invalid={outcome.value === 'wrong'}
            aria-describedby="key-error"
            onInput={(event) => {
              key.value = event.currentTarget.value
            }}
          />
        </label>
        <p id="key-error" class="error-text" role="alert">
          {outcome.value === 'wrong' && words.keyWrong}
          {outcome.value === 'untried' && words.serverSilent}
        </p>
        <footer class="actions">
          <button type="submit" class="button primary">
            {words.useKey}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
