/** Writes the conformance table of docs/models.md: runs the test that measures it, and lets it write. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, 'run', 'src/models/conformance.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, R1_WRITE_DOCS: '1' },
})
process.exitCode = status ?? 1
