import type { Command } from 'commander'
import { createVerb, printResult } from '../verb.ts'

/** `r1 doctor`: examines this machine. Exits with 1 when something is in the way. */
export function doctor(): Command {
  return createVerb({
    name: 'doctor',
    summary: 'Look at this machine: what is there, what is missing, what will fit, and what to do.',
    examples: [
      ['r1 doctor', 'for people'],
      ['r1 doctor --json', 'for programs'],
    ],
  }).action(async ({ json }: { json?: boolean }) => {
    const [{ examine }, { formatExamination }] = await Promise.all([
      import('../doctor/examine.ts'),
      import('../doctor/format.ts'),
    ])
    const examination = await examine()
    printResult(examination, json, formatExamination)
    if (!examination.ok) process.exitCode = 1
  })
}
