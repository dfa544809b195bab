import { computed, effect, signal } from '@preact/signals'
import { apiKey, onRequestError, request } from '../api/client.ts'
import { problemOf } from '../api/problem.ts'
import type { Session } from '../api/types.ts'
import { online } from './online.ts'

export const session = signal<Session | undefined>(undefined)
/** The last request did not reach the server. */
export const serverGone = signal(false)
/** The server wants a key, or another one than it was given. */
export const keyNeeded = signal(false)
/** The server does not know the key of this browser: it was removed, or never was one. */
export const keyRefused = signal(false)

export const modelNames = computed(() => session.value?.models.map(({ id }) => id) ?? [])

let retry: ReturnType<typeof setTimeout> | undefined

function retryLater(): void {
  clearTimeout(retry)
  retry = setTimeout(() => void loadSession(), 2000)
}

onRequestError((error) => {
  if (error.status === 401) {
    keyRefused.value = apiKey.get() !== undefined
    keyNeeded.value = true
  }
  if (error.status === 0) {
    serverGone.value = true
    retryLater()
  }
})

/** Asks who we are; while the server is gone, again every two seconds. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await request<Session>('session')
    serverGone.value = false
    keyNeeded.value = session.value.keysRequired && apiKey.get() === undefined
  } catch {
    // The listener above has taken note; a server that is there but fails is asked again too.
    if (!keyNeeded.value) retryLater()
  }
}

// A device that has its network again does not wait for the next try.
effect(() => {
  if (online.value && serverGone.peek()) void loadSession()
})

/** Tries a key; one that the server does not take is not kept. */
export async function useKey(key: string): Promise<'right' | 'wrong' | 'untried'> {
  const before = apiKey.get()
  apiKey.set(key.trim())
  try {
    await request<Session>('session')
  } catch (error) {
    apiKey.set(before)
    return problemOf(error).status === 401 ? 'wrong' : 'untried'
  }
  await loadSession()
  return 'right'
}
