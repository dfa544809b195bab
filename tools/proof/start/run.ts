/*
 * How long `r1 serve` takes until it is ready, with the shipped model, on a fresh data folder and on one that it knows:
 * milliseconds from the start of its process to its line `Ready`, the median and all runs, in turns.
 *   npm run build && npm run proof:start -- [--runs 5]
 *   npm run proof:start -- --sources           as `npm start` runs it
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, sources: { type: 'boolean', default: false } },
})
const root = resolve(import.meta.dirname, '../../..')
const command = flags.sources ? ['--import', 'tsx', join(root, 'src/cli/main.ts')] : [join(root, 'dist/cli/main.js')]

/** Milliseconds until a server is ready; it is ended then. */
async function timeToReady(data: string): Promise<number> {
  const begun = performance.now()
  const words = [...command, 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'error']
  const server = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((done) => server.once('exit', done))
  let milliseconds: number | undefined
  for await (const line of createInterface({ input: server.stdout })) {
    if ((JSON.parse(line) as { event?: string }).event !== 'ready') continue
    milliseconds = performance.now() - begun
    server.kill('SIGTERM')
  }
  await ended
  if (milliseconds === undefined) throw new Error('The server ended before it was ready.')
  return milliseconds
}

const times: Record<'fresh' | 'existing', number[]> = { fresh: [], existing: [] }
for (let run = 0; run < Number(flags.runs); run++) {
  const folder = await mkdtemp(join(tmpdir(), 'r1-proof-start-'))
  try {
    for (const kind of ['fresh', 'existing'] as const) times[kind].push(await timeToReady(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
const summary = Object.entries(times).map(([folder, values]) => {
  const sorted = values.map(Math.round).sort((left, right) => left - right)
  return [folder, { medianMilliseconds: sorted[sorted.length >> 1], runs: sorted }]
})
console.log(JSON.stringify(Object.fromEntries(summary), undefined, 2))
