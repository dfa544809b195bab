/*
 * What bf16 costs: trains the small decoders of `r1 bench train` on text of which no window is seen twice, in f32 and in
 * bf16 from the same seeds and data, and compares the mean loss of the last steps; then the log-probabilities that the
 * trained weights give to unseen text in both precisions.
 *   npm run bench:precision -- [--configs a,b] [--seeds 1,2,3] [--steps 300] [--last 50] [--threads 2] [--out rows.jsonl] [--json]
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { trainConfigurations } from '../../src/cli/bench/train-configurations.ts'
import { bindModel } from '../../src/models/bind.ts'
import { llama } from '../../src/models/llama.ts'
import { Scope, tokenLogProbabilities } from '../../src/nn/index.ts'
import { NDArray } from '../../src/runtime/array.ts'
import { jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { Variables } from '../../src/runtime/variables.ts'
import { broadcastTo, iota, type Tensor } from '../../src/tensor/index.ts'
import { windowBatch } from '../../src/train/batch.ts'
import { nextToken } from '../../src/train/objectives/next-token.ts'
import { TrainingStep } from '../../src/train/step.ts'
import { FreshText } from './text.ts'

const { values: flags } = parseArgs({
  options: {
    configs: { type: 'string', default: 'a,b' },
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '300' },
    last: { type: 'string', default: '50' },
    out: { type: 'string', default: '' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
})
const steps = Number(flags.steps)
const last = Number(flags.last)
const threads = Number(flags.threads)

type Precision = 'f32' | 'bf16'

interface Row {
  readonly config: string
  readonly seed: number
  /** Mean loss in nats a byte over the last steps. */
  readonly f32: number
  readonly bf16: number
  /** bf16 / f32 − 1. */
  readonly relative: number
  /** Mean and largest difference of log-probabilities of unseen bytes, f32's trained weights in both precisions. */
  readonly logprob_mean: number
  readonly logprob_max: number
  /** Mean of the differences with their sign: a bias would show here. */
  readonly logprob_bias: number
  readonly path: string
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Linear warm-up over the first tenth, then constant. */
const rateAt = (step: number): number => 1e-3 * Math.min(1, step / (steps / 10))

function configurationOf(name: string) {
  const found = trainConfigurations.find((configuration) => configuration.name === name)
  if (!found) throw new Error(`There is no configuration '${name}'.`)
  return found
}

async function train(name: string, seed: number, precision: Precision) {
  const { model, batch, length } = configurationOf(name)
  const variables = new Variables(seed)
  using step = new TrainingStep({ model: bindModel(llama, model), variables }, nextToken, {
    precision,
    threads,
    optimizer: { beta2: 0.999, weightDecay: 0.01 },
  })
  const text = new FreshText(length, seed)
  const losses: number[] = []
  for (let index = 1; index <= steps; index++) {
    const { ids, targets } = text.take(batch)
    const whole = { index: 0, of: 1, weight: ids.length }
    const { loss } = await step.run(windowBatch(ids, targets, [batch, length]), whole, index, rateAt(index))
    losses.push(loss / ids.length)
    if (index % 50 === 0) process.stderr.write(`${name} seed ${seed} ${precision} step ${index}: ${losses.at(-1)}\n`)
  }
  return { loss: mean(losses.slice(-last)), variables, text }
}

/** Log-probabilities of the same unseen bytes in both precisions. */
async function compareLogProbabilities(name: string, variables: Variables, text: FreshText) {
  const { model, batch, length } = configurationOf(name)
  const bound = bindModel(llama, model)
  const { ids, targets } = text.take(batch)
  const feeds = {
    ids: NDArray.from(ids, [batch, length], 'i64'),
    targets: NDArray.from(targets, [batch, length], 'i64'),
  }
  const evaluate = async (precision: Precision) => {
    using body = jit(
      (inputs: { ids: Tensor; targets: Tensor }) => {
        const scope = new Scope()
        const positions = broadcastTo(iota(length), inputs.ids.shape)
        const { hidden } = bound.forward(scope, { ids: inputs.ids, positions })
        return tokenLogProbabilities(bound.head(scope, hidden), inputs.targets).logProbability
      },
      { variables, precision, threads },
    )
    return (await body.run(feeds)).toNumbers()
  }
  const [exact, rounded] = [await evaluate('f32'), await evaluate('bf16')]
  const gaps = exact.map((value, index) => (rounded[index] as number) - value)
  const sizes = gaps.map(Math.abs)
  return { mean: mean(sizes), max: sizes.reduce((most, size) => Math.max(most, size), 0), bias: mean(gaps) }
}

/** Rows of an earlier run of the same steps, so that a cut run goes on. */
function finished(): Row[] {
  if (!flags.out || !existsSync(flags.out)) return []
  return readFileSync(flags.out, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

const rows = finished()
for (const config of flags.configs.split(',')) {
  for (const seed of flags.seeds.split(',').map(Number)) {
    if (rows.some((row) => row.config === config && row.seed === seed)) continue
    const bf16 = await train(config, seed, 'bf16')
    const f32 = await train(config, seed, 'f32')
    const gap = await compareLogProbabilities(config, f32.variables, f32.text)
    const row: Row = {
      config,
      seed,
      f32: f32.loss,
      bf16: bf16.loss,
      relative: bf16.loss / f32.loss - 1,
      logprob_mean: gap.mean,
      logprob_max: gap.max,
      logprob_bias: gap.bias,
      path: kernelLibrary().instructions ?? 'stock',
    }
    rows.push(row)
    if (flags.out) appendFileSync(flags.out, `${JSON.stringify(row)}\n`)
  }
}

if (flags.json) console.log(JSON.stringify(rows))
else {
  console.log(`Mean loss of steps ${steps - last + 1} to ${steps}, nats a byte; ${rows[0]?.path}`)
  console.log('config  seed  f32      bf16     bf16/f32  |Δ log p| mean  max     mean Δ')
  for (const row of rows) {
    console.log(
      `${row.config.padEnd(8)}${String(row.seed).padEnd(6)}${row.f32.toFixed(5)}  ${row.bf16.toFixed(5)}  ` +
        `${(100 * row.relative).toFixed(3).padStart(6)} %  ${row.logprob_mean.toFixed(5).padStart(13)}  ` +
        `${row.logprob_max.toFixed(3)}  ${row.logprob_bias.toExponential(1)}`,
    )
  }
}
