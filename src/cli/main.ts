#!/usr/bin/env node
import { createProgram } from './program.ts'
import { reportFailure } from './report-failure.ts'

// A reader that stops early, as `head` does, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  await createProgram().parseAsync()
} catch (error) {
  reportFailure(error, process.argv.includes('--json'))
  process.exitCode = 1
}
