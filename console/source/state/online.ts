import { signal } from '@preact/signals'

/** Whether this device has a network, as far as the browser knows. */
export const online = signal(navigator.onLine)
addEventListener('online', () => {
  online.value = true
})
addEventListener('offline', () => {
  online.value = false
})
