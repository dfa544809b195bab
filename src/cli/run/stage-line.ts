import { formatCount, formatDuration } from '../sizes.ts'

/** A stage under way: when it began, and how its operations compare with what the machine can do. */
export interface Pace {
  readonly stage: string
  /** When its first line was seen, in milliseconds. */
  readonly started: number
  /** The first step that was seen: a run that was resumed begins in the middle. */
  readonly first: number
  /** Floating-point operations of a token; NaN where they are not known. */
  readonly operations: number
  /** What products reach here at the most, in 10⁹ operations a second. */
  readonly gflops: number
}

type Line = Readonly<Record<string, number | string | boolean>>

/** What the lines of stages are followed by. @param now milliseconds on the clock of `started` */
export function stageLine(pace: Pace, line: Line, now: number): string {
  const { stage } = pace
  if (typeof line.step === 'number' && typeof line.steps === 'number') {
    const parts = [...measured(line), ...speed(pace, line), `${timeLeft(pace, line.step, line.steps, now)} left`]
    return `${stage} ${bar(line.step, line.steps)} ${line.step}/${line.steps}  ${parts.join('  ')}`
  }
  if (typeof line.asked === 'number' && typeof line.of === 'number') {
    return `${stage} ${bar(line.asked, line.of)} ${line.asked}/${line.of} problems drawn, ${line.kept} texts kept`
  }
  const values = Object.entries(line).map(
    ([key, value]) => `${key} ${typeof value === 'number' ? short(value) : value}`,
  )
  return `${stage}  ${values.join('  ')}`
}

/** Twenty places wide. */
function bar(done: number, of: number): string {
  const full = Math.round(20 * Math.min(1, done / Math.max(1, of)))
  return '━'.repeat(full) + '─'.repeat(20 - full)
}

/** Stages of rewards are followed by their rewards, all others by their loss. */
function measured(line: Line): string[] {
  if (typeof line.reward === 'number') {
    return [
      `reward ${short(line.reward)}`,
      ...(typeof line.solved === 'number' ? [`solved ${percent(line.solved)}`] : []),
      ...(typeof line.entropy === 'number' ? [`entropy ${short(line.entropy)}`] : []),
    ]
  }
  return typeof line.loss === 'number' ? [`loss ${line.loss.toFixed(4)}`] : []
}

function speed({ operations, gflops }: Pace, { tokens, milliseconds }: Line): string[] {
  if (typeof tokens !== 'number' || typeof milliseconds !== 'number') return []
  const perSecond = (tokens * 1000) / milliseconds
  const share = (perSecond * operations) / gflops / 1e9
  return [`${formatCount(perSecond)} tokens/s${Number.isFinite(share) ? `, ${percent(share)} of peak` : ''}`]
}

const timeLeft = ({ started, first }: Pace, step: number, steps: number, now: number): string =>
  formatDuration(((now - started) / (step - first + 1)) * (steps - step))

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** Five digits at the most. */
export const short = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(5))
