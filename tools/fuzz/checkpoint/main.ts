/**
 * Feeds damaged files to every reader of files from outside and counts what comes out.
 *
 *     npm run fuzz:checkpoint                         100,000 cases
 *     npm run fuzz:checkpoint -- --seed 7 --count 500
 *     npm run fuzz:checkpoint -- --seed 7 --only 123  one case again, with its error
 */
import { parseArgs } from 'node:util'
import { type CaseOutcome, runCase } from './run.ts'
import { targets } from './targets.ts'
import { Watchdog } from './watchdog.ts'

const timeLimit = 1000
const allocationLimit = 64 * 2 ** 20

const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    target: { type: 'string' },
  },
})
const count = Number(values.count ?? 100_000)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const chosen = values.target === undefined ? targets : targets.filter((target) => target.name === values.target)
const watchdog = new Watchdog(20 * timeLimit)

interface Worst {
  number: number
  outcome: CaseOutcome
}

const results = new Map<string, Map<string, number>>()
const faults: string[] = []
let slowest: Worst | undefined
let largest: Worst | undefined

async function measure(number: number): Promise<CaseOutcome> {
  watchdog.begin(number)
  const outcome = await runCase(chosen, seed, number)
  watchdog.end()
  return outcome
}

/** A slow or large case counts only if it is so again: the machine, or the collector, may have been busy elsewhere. */
async function confirm(number: number, outcome: CaseOutcome): Promise<CaseOutcome> {
  let confirmed = outcome
  for (
    let again = 0;
    again < 3 && (confirmed.milliseconds > timeLimit || confirmed.allocated > allocationLimit);
    again += 1
  ) {
    const next = await measure(number)
    const milliseconds = Math.min(confirmed.milliseconds, next.milliseconds)
    confirmed = { ...next, milliseconds, allocated: Math.min(confirmed.allocated, next.allocated) }
  }
  return confirmed
}

function record(number: number, outcome: CaseOutcome): void {
  const counts = results.get(outcome.target) ?? new Map<string, number>()
  counts.set(outcome.result, (counts.get(outcome.result) ?? 0) + 1)
  results.set(outcome.target, counts)
  if (!slowest || outcome.milliseconds > slowest.outcome.milliseconds) slowest = { number, outcome }
  if (!largest || outcome.allocated > largest.outcome.allocated) largest = { number, outcome }
  const what = `case ${number} (${outcome.target})`
  if (outcome.failure !== undefined) faults.push(`${what}: ${String(outcome.failure)}`)
  if (outcome.milliseconds > timeLimit) faults.push(`${what}: took ${Math.round(outcome.milliseconds)} ms`)
  if (outcome.allocated > allocationLimit) faults.push(`${what}: allocated ${Math.round(outcome.allocated / 1e6)} MB`)
}

function report(cases: number, rssBefore: number): void {
  for (const [target, counts] of results) {
    const sum = [...counts.values()].reduce((total, value) => total + value, 0)
    const parts = [...counts].sort(([, a], [, b]) => b - a).map(([result, value]) => `${result} ${value}`)
    console.log(`${target.padEnd(12)} ${String(sum).padStart(7)}   ${parts.join(', ')}`)
  }
  if (slowest)
    console.log(
      `slowest case: ${slowest.outcome.milliseconds.toFixed(1)} ms (${slowest.outcome.target}, case ${slowest.number})`,
    )
  if (largest) {
    const megabytes = (largest.outcome.allocated / 2 ** 20).toFixed(1)
    console.log(`largest allocation of a case: ${megabytes} MB (${largest.outcome.target}, case ${largest.number})`)
  }
  const rss = process.resourceUsage().maxRSS / 1024
  console.log(`peak memory of the process: ${Math.round(rss)} MB, ${Math.round(rss - rssBefore)} MB above its start`)
  console.log(`${cases} cases, seed ${seed}, ${faults.length} faults`)
  for (const fault of faults.slice(0, 50)) console.log(`  ${fault}`)
}

if (values.only !== undefined) {
  const outcome = await measure(Number(values.only))
  console.log(outcome)
} else {
  console.log(`${count} cases, seed ${seed}`)
  for (let warm = 0; warm < 200; warm += 1) await measure(warm)
  const rssBefore = process.resourceUsage().maxRSS / 1024
  for (let number = 0; number < count; number += 1) record(number, await confirm(number, await measure(number)))
  report(count, rssBefore)
}
process.exit(faults.length > 0 ? 1 : 0)
