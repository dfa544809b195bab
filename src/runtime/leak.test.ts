import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('resident memory stays within five percent over 1,000 sessions and 60,000 runs', { timeout: 300_000 }, async () => {
  const program = fileURLToPath(new URL('./testing/leak.ts', import.meta.url))
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--import', 'tsx']
  // One arena: how many the C library opens for ONNX Runtime's threads is a matter of luck, and each keeps free memory.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program], { env })
  const growth = JSON.parse(stdout) as Record<string, number>
  expect(Object.keys(growth)).toEqual(['boundRuns', 'runs', 'errors', 'sessions', 'abandonedSessions'])
  for (const [work, fraction] of Object.entries(growth)) expect(fraction, work).toBeLessThan(0.05)
})
