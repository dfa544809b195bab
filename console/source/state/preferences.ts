import { effect, type Signal, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
export type LanguageChoice = 'system' | 'en' | 'zh'

/** A signal that this browser remembers, or only this tab where that is said. */
export function remembered<T>(
  name: string,
  initial: T,
  valid: (value: unknown) => value is T,
  storage: Storage = localStorage,
): Signal<T> {
  let value = initial
  try {
    const stored: unknown = JSON.parse(storage.getItem(name) ?? 'null')
    if (valid(stored)) value = stored
  } catch {
    // What an older version or another program stored there is as good as nothing.
  }
  const result = signal(value)
  let first = true
  effect(() => {
    const text = JSON.stringify(result.value)
    if (!first) storage.setItem(name, text)
    first = false
  })
  return result
}

const oneOf =
  <T extends string>(...values: readonly T[]) =>
  (value: unknown): value is T =>
    values.includes(value as T)
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'

export const theme = remembered<Theme>('r1-theme', 'system', oneOf('system', 'light', 'dark'))
export const languageChoice = remembered<LanguageChoice>('r1-language', 'system', oneOf('system', 'en', 'zh'))
/** Ask for the probability of each token, so that answers can be coloured by it. */
export const withProbabilities = remembered<boolean>('r1-probabilities', false, isBoolean)
export const settingsOpen = remembered<boolean>('r1-settings-open', false, isBoolean)

/** Puts the chosen theme on the document. */
export function followTheme(): void {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme.value
  })
}
