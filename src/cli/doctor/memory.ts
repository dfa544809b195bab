import { totalmem } from 'node:os'
import type { Finding } from './finding.ts'

export interface MemoryFacts {
  total_bytes: number
  /** What can be had now without swapping, within the limit. */
  available_bytes: number
  /** The limit set on this process by a control group or container; null without one. */
  limit_bytes: number | null
}

const gibibyte = 2 ** 30

/** Looks at memory: how much there is, how much is left, and whether a container limits it. */
export function examineMemory(
  total = totalmem(),
  available = process.availableMemory(),
  constrained = process.constrainedMemory(),
): Finding<MemoryFacts> {
  // 0 and numbers past the machine's memory both mean that nothing limits this process.
  const limit = constrained > 0 && constrained < total ? constrained : null
  const facts = { total_bytes: total, available_bytes: available, limit_bytes: limit }
  const limitText = limit === null ? '' : ` · limited to ${inGibibytes(limit)} by a control group`
  const summary = `${inGibibytes(available)} of ${inGibibytes(total)} available${limitText}`
  if (available >= 2 * gibibyte) return { status: 'good', summary, facts }
  return {
    status: 'notice',
    summary,
    remedy: limit === null ? 'Close other programs: little is left for models.' : 'Raise the limit of the container.',
    facts,
  }
}

/** 12.3 GiB for 13,207,024,435 bytes. */
export function inGibibytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`
}
