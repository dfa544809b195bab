import { computed, effect } from '@preact/signals'
import { languageChoice } from '../state/preferences.ts'
import { type Dictionary, en } from './en.ts'
import { zh } from './zh.ts'

export type Language = 'en' | 'zh'

const dictionaries: Readonly<Record<Language, Dictionary>> = { en, zh }

function languageOfBrowser(): Language {
  const found = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in dictionaries)
  return (found as Language | undefined) ?? 'en'
}

export const language = computed<Language>(() =>
  languageChoice.value === 'system' ? languageOfBrowser() : languageChoice.value,
)

/** The texts in the reader's language. */
export const texts = computed(() => dictionaries[language.value])

export function followLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-Hans' : 'en'
  })
}
