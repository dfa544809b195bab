/*
 * What bf16 costs: trains the small decoders of `r1 bench train` on text of which no window is seen twice, in f32 and in
 * bf16 from the same seeds and data, and compares the mean loss of the last steps; then the log-probabilities that the
 * weights trained in f32 give to unseen text in both precisions. The sides `f32+1`, `f32+2` … are the control: f32 from
 * start weights moved by a relative 1e-6, which says how far apart two runs come without any other rounding. `torch-f32`
 * and `torch-bf16` are PyTorch and its autocast from the same weights on the same bytes (PyTorch comes from PyPI into
 * bench/peers/.venv).
 *   npm run bench:precision -- [--configs a,b] [--seeds 1,2,3] [--sides f32,bf16,f32+1] [--steps 300] [--last 50]
 *     [--threads 2] [--out rows.jsonl] [--json]
 * With --out, runs that are in the file already are not run again.
 */
import { parseArgs } from 'node:util'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { logProbabilityGap } from './log-probabilities.ts'
import { configurationOf, type Plan } from './plan.ts'
import { type Row, type RowKey, Rows, tableOf } from './rows.ts'
import { parseSide, type Side, train } from './sides.ts'
import { trainTorch } from './torch.ts'

const { values: flags } = parseArgs({
  options: {
    configs: { type: 'string', default: 'a,b' },
    seeds: { type: 'string', default: '1,2,3' },
    sides: { type: 'string', default: 'f32,bf16' },
    steps: { type: 'string', default: '300' },
    last: { type: 'string', default: '50' },
    out: { type: 'string', default: '' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
})
const plan: Plan = { steps: Number(flags.steps), last: Number(flags.last), threads: Number(flags.threads) }
const sides = flags.sides.split(',').map(parseSide)
const configs = flags.configs.split(',')
configs.forEach(configurationOf)

async function measure(config: string, seed: number, side: Side): Promise<Omit<Row, keyof RowKey>> {
  const { losses, variables, text } = await train(plan, config, seed, side)
  using trained = variables
  const path = kernelLibrary().instructions ?? 'stock'
  if (side.name !== 'f32') return { path, losses }
  return { path, losses, gap: await logProbabilityGap(config, trained, text, plan.threads) }
}

const finished = new Rows(flags.out)
const rows: Row[] = []
for (const config of configs) {
  for (const seed of flags.seeds.split(',').map(Number)) {
    for (const side of sides) {
      const key: RowKey = { config, seed, side: side.name, steps: plan.steps, threads: plan.threads }
      const known = finished.get(key)
      if (known) {
        rows.push(known)
        continue
      }
      const found = side.peer ? await trainTorch(plan, config, seed, side) : await measure(config, seed, side)
      const row: Row = { ...key, ...found }
      finished.add(row)
      rows.push(row)
    }
  }
}

console.log(flags.json ? JSON.stringify(rows) : tableOf(rows, plan).join('\n'))
