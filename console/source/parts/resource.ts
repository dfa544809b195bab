import { useEffect, useState } from 'preact/hooks'
import { type Problem, problemOf } from '../api/problem.ts'
import { keyNeeded, serverGone } from '../state/session.ts'

export interface Resource<T> {
  readonly value?: T
  readonly problem?: Problem
  reload(): void
}

/**
 * Loads something when what it depends on changes, and when the server is there again; an older answer never replaces a
 * newer one.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, depends: readonly unknown[]): Resource<T> {
  const [state, setState] = useState<{ value?: T; problem?: Problem }>({})
  const [turn, setTurn] = useState(0)
  const away = keyNeeded.value || serverGone.value
  useEffect(() => {
    if (away) return
    const controller = new AbortController()
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value }),
      // What was there stays to be looked at.
      (error: unknown) => controller.signal.aborted || setState((before) => ({ ...before, problem: problemOf(error) })),
    )
    return () => controller.abort()
  }, [...depends, turn, away])
  return { ...state, reload: () => setTurn((before) => before + 1) }
}
