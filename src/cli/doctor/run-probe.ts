import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { ProbeFacts, ProbeMessage, ProbeName } from './probe.ts'

/** How a probe ended: what it found, or why it found nothing. */
export type ProbeOutcome<Name extends ProbeName> =
  | { facts: ProbeFacts[Name] }
  | { failure: string; code: string; details: string }

/** Drivers compile shaders and wake hardware at first use; a minute is past patience, not past what is normal. */
const patience = 60_000

/** Runs a probe in a process of its own, and survives whatever becomes of it. */
export function runProbe<Name extends ProbeName>(name: Name): Promise<ProbeOutcome<Name>> {
  const child = fork(new URL(`./probe${extname(import.meta.url)}`, import.meta.url), [name], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: patience,
  })
  return new Promise((resolve) => {
    let said: ProbeMessage<Name> | undefined
    let printed = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    child.on('message', (message: ProbeMessage<Name>) => {
      said = message
    })
    child.on('error', (error) => resolve({ failure: error.message, code: 'unexpected', details: printed }))
    child.on('close', (status, signal) => {
      if (said === undefined) {
        const end = signal === null ? `exit code ${status}` : signal
        resolve({ failure: `The process that tried it ended with ${end}.`, code: 'crashed', details: printed })
      } else if ('error' in said) {
        const { code, message, causes } = said.error
        resolve({ failure: message, code, details: [...causes, printed].join('\n') })
      } else {
        resolve(said)
      }
    })
  })
}
