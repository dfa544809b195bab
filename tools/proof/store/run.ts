/*
 * Kills a process that writes messages into PGlite with SIGKILL, again and again, and counts what was lost of what it had
 * acknowledged, what is there twice, and how long the next open takes.
 *   npm run proof:store -- [--kills 20] [--seed 1]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crashUnderLoad } from '../../../src/store/testing/crashes.ts'
import { randomUniform, streamKey } from '../../../src/tensor/index.ts'

const { values: flags } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
})

const key = streamKey(Number(flags.seed), 'kills')
let drawn = 0
const folder = await mkdtemp(join(tmpdir(), 'r1-proof-store-'))
try {
  const report = await crashUnderLoad(folder, {
    kills: Number(flags.kills),
    random: () => randomUniform(key, drawn++),
    onKill: (kill) => process.stderr.write(`killed ${kill} times\n`),
  })
  console.log(JSON.stringify(report, undefined, 2))
  const { lost, duplicated, invented, slowestOpen } = report
  const failures = [
    lost > 0 && `${lost} acknowledged messages were lost`,
    duplicated + invented > 0 && `${duplicated + invented} messages too many`,
    slowestOpen > 2000 && `an open took ${slowestOpen.toFixed(0)} ms, more than 2 s`,
  ].filter(Boolean)
  for (const failure of failures) console.error(failure)
  process.exitCode = failures.length > 0 ? 1 : 0
} finally {
  await rm(folder, { recursive: true, force: true })
}
