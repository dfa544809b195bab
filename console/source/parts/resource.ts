import { useEffect, useState } from 'preact/hooks'
import { RequestError } from '../api/client.ts'

export interface Resource<T> {
  readonly value?: T
  /** What went wrong, in the server's words; empty where it did not answer. */
  readonly error?: string
  reload(): void
}

/** Loads something when what it depends on changes; an older answer never replaces a newer one. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, depends: readonly unknown[]): Resource<T> {
  const [state, setState] = useState<{ value?: T; error?: string }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value }),
      (error: unknown) =>
        controller.signal.aborted || setState({ error: error instanceof RequestError ? error.message : String(error) }),
    )
    return () => controller.abort()
  }, [...depends, turn])
  return { ...state, reload: () => setTurn((before) => before + 1) }
}
