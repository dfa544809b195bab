import { signal } from '@preact/signals'
import { type Problem, problemOf } from '../api/problem.ts'

/** Something that failed behind the page: what did not happen, and why. */
export interface Notice {
  readonly what: string
  readonly problem: Problem
}

export const notice = signal<Notice | undefined>(undefined)

/** Says that something did not happen, until it is read. */
export function tell(what: string, error: unknown): void {
  notice.value = { what, problem: problemOf(error) }
}
