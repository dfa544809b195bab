import { computed, signal } from '@preact/signals'
import { apiKey, onRequestError, request } from '../api/client.ts'
import type { Session } from '../api/types.ts'

export const session = signal<Session | undefined>(undefined)
/** The last request did not reach the server. */
export const serverGone = signal(false)
/** The server wants a key, or another one than it was given. */
export const keyNeeded = signal(false)

export const modelNames = computed(() => session.value?.models.map(({ id }) => id) ?? [])

let retry: ReturnType<typeof setTimeout> | undefined

function retryLater(): void {
  clearTimeout(retry)
  retry = setTimeout(() => void loadSession(), 2000)
}

onRequestError((error) => {
  if (error.status === 401) keyNeeded.value = true
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

/** Tries a key. @returns whether the server knows it; otherwise the one before stays */
export async function useKey(key: string): Promise<boolean> {
  const before = apiKey.get()
  apiKey.set(key.trim())
  await loadSession()
  if (keyNeeded.value) apiKey.set(before)
  return !keyNeeded.value
}
