import type { RunStatus } from '../api/types.ts'
import { texts } from '../language/index.ts'

export function Status({ status }: { status: RunStatus }) {
  return <span class={`status ${status}`}>{texts.value.status[status] ?? status}</span>
}
