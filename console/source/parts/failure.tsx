import { useEffect, useState } from 'preact/hooks'
import type { Problem } from '../api/problem.ts'
import { texts } from '../language/index.ts'
import { online } from '../state/online.ts'
import { Icon } from './icons.tsx'

/** A problem in the reader's language; what the console does not know by name is told in the server's words. */
export function explained({ message, status, code }: Problem): string {
  const words = texts.value
  if (status === 0 && !online.value) return words.offline
  return (code && words.problems[code]) || message || words.serverSilent
}

interface FailureProps {
  /** Why; unknown where it happened before the page was loaded. */
  problem?: Problem
  /** What did not happen. */
  what?: string
  /** A way on; its name where that is not to try again. */
  onRetry?: () => void
  retryLabel?: string
}

/** What went wrong, with a way on. */
export function Failure({ problem, what, onRetry, retryLabel }: FailureProps) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>
        {what && <strong>{what} </strong>}
        {problem && explained(problem)}
      </p>
      {onRetry && <RetryButton at={problem?.retryAt} label={retryLabel ?? texts.value.retry} onRetry={onRetry} />}
    </div>
  )
}

/** Waits for the time that the server named, and says how long that is. */
function RetryButton({ at = 0, label, onRetry }: { at?: number | undefined; label: string; onRetry: () => void }) {
  const [now, setNow] = useState(Date.now)
  const waits = now < at
  useEffect(() => {
    setNow(Date.now())
    if (!waits) return
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [at, waits])
  return (
    <button type="button" class="button small" disabled={waits} onClick={onRetry}>
      {waits ? texts.value.retryIn(Math.ceil((at - now) / 1000)) : label}
    </button>
  )
}
