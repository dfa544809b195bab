import { computed } from '@preact/signals'
import type { Message } from '../api/types.ts'
import { remembered } from '../state/preferences.ts'
import type { Settings } from './store.ts'

/** A message that the server has not acknowledged, with what its conversation begins with. */
export interface Unsent {
  readonly conversation: string
  readonly title: string
  readonly settings: Settings
  readonly message: Message
}

/** Kept while the tab is open, so that no reload loses what was written. */
const all = remembered<readonly Unsent[]>('r1-unsent', [], Array.isArray, sessionStorage)

/** The ids of messages that the server has not acknowledged. */
export const unsent = computed<ReadonlySet<string>>(() => new Set(all.value.map(({ message }) => message.id)))

export const unsentOf = (conversation: string): readonly Unsent[] =>
  all.value.filter((one) => one.conversation === conversation)

export function rememberUnsent(one: Unsent): void {
  all.value = [...all.value.filter(({ message }) => message.id !== one.message.id), one]
}

export function forgetUnsent(id: string): void {
  if (unsent.value.has(id)) all.value = all.value.filter(({ message }) => message.id !== id)
}

/** Of a conversation that is deleted, or of all of them. */
export function forgetAllUnsent(conversation?: string): void {
  all.value = conversation ? all.value.filter((one) => one.conversation !== conversation) : []
}
