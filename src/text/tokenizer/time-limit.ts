import { readFileSync } from 'node:fs'
import { createContext, Script } from 'node:vm'
import { badTokenizer } from './fields.ts'

/** Runs a task of regular expressions on so many characters; one that takes too long ends in an error. */
export type TimeLimit = <Result>(characters: number, task: () => Result) => Result

/** For patterns that are known to be fast on every text. */
export const withoutLimit: TimeLimit = (_, task) => task()

/** Milliseconds to begin with, and what each task and each character adds. Ordinary patterns take 0.0002 a character. */
const base = 150
const perTask = 0.5
const perCharacter = 0.002
/**
 * A machine that was elsewhere looks like a pattern that hangs. So after the first time-out the task is tried again, with
 * more time by the clock each time, until it ends or this thread has truly worked on it: for 16 times the limit at most.
 */
const attempts = 5

const box: { task: (() => unknown) | undefined } = { task: undefined }
const script = new Script('task()')
let context: typeof box | undefined

/** The one way to end a regular expression of this thread from outside: V8 looks for a request to stop as it backtracks. */
function runFor(milliseconds: number, task: () => unknown): unknown {
  context ??= createContext(box) as typeof box
  const outer = box.task
  box.task = task
  try {
    return script.runInContext(context, { timeout: Math.max(1, Math.ceil(milliseconds)) })
  } finally {
    box.task = outer
  }
}

/** A part of an error that may come from another realm, where `instanceof` does not hold. */
const told = (error: unknown, part: 'code' | 'name') =>
  (error as Partial<Record<typeof part, unknown>> | undefined)?.[part]

/** Milliseconds that this thread has computed; where the system does not tell, those of the whole process. */
function cpuMilliseconds(): number {
  try {
    // Linux: nanoseconds on a processor come first.
    return Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'utf8'), 10) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}

/**
 * A limit that tasks share: what one leaves of its time, others may use. Tasks must be free to be begun again.
 *
 * @throws R1Error `bad-tokenizer` from the task that takes too long, or whose pattern the engine gives up on
 */
export function timeLimit(): TimeLimit {
  let left = base
  return <Result>(characters: number, task: () => Result): Result => {
    left += perTask + characters * perCharacter
    for (let attempt = 1; ; attempt++) {
      const started = performance.now()
      // Asking costs more than most tasks, which end at once.
      const cpu = attempt > 1 ? cpuMilliseconds() : Number.POSITIVE_INFINITY
      try {
        const result = runFor(left * 2 ** Math.max(0, attempt - 2), task) as Result
        const taken = attempt > 1 ? cpuMilliseconds() - cpu : performance.now() - started
        left = Math.min(base, left - taken)
        return result
      } catch (error) {
        if (told(error, 'code') === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
          const hasWorked = attempt > 1 && cpuMilliseconds() - cpu > left / 2
          if (attempt < attempts && !hasWorked) continue
          throw badTokenizer(`one of its patterns takes too long on a text of ${characters} characters`, error)
        }
        // Too large to compile, or too deep to run.
        if (told(error, 'name') === 'SyntaxError' || told(error, 'name') === 'RangeError')
          throw badTokenizer('one of its patterns is too large', error)
        throw error
      }
    }
  }
}
