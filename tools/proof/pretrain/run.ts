/*
 * A model of 10.2 M parameters pretrained on Debian's English documentation by the stage `pretrain`, and the same model by
 * PyTorch with the same first weights, tokens and schedule: bits a byte of documents that neither has seen, and tokens a
 * second beside those of `r1 bench train`'s own loop over one batch.
 *   npm run proof:pretrain -- [--tokens 4M] [--held-out 3M] [--precision bf16] [--threads 2] [--fresh]
 * Needs `npm run fetch:debian-docs`; PyTorch comes from PyPI into bench/peers/.venv. A run that was cut goes on.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { python, setUpPython } from '../../../bench/peers/setup.mjs'
import { openCheckpoint } from '../../../src/checkpoint/index.ts'
import { runTraining } from '../../../src/cli/bench/train-run.ts'
import { loadModel, modelOf } from '../../../src/models/index.ts'
import { type LlamaConfig, llama } from '../../../src/models/llama.ts'
import { parseRecipe } from '../../../src/recipe/recipe.ts'
import { runRecipe } from '../../../src/recipe/run.ts'
import { stages } from '../../../src/recipe/stages.ts'
import { HeldOut } from '../../../src/train/held-out.ts'
import { nextToken } from '../../../src/train/objectives/next-token.ts'
import { amount, type LoopOptions, scheduleOf, stepsOf } from '../../../src/train/stages/options.ts'
import type { TextData } from '../../../src/train/stages/text-data.ts'
import { countTokens, prepareStart, textsOf } from './prepare.ts'
import { readRows, stageBatches, writeRows } from './rows.ts'

const { values: flags } = parseArgs({
  options: {
    tokens: { type: 'string', default: '4M' },
    'held-out': { type: 'string', default: '3M' },
    precision: { type: 'string', default: 'bf16' },
    threads: { type: 'string', default: '2' },
    fresh: { type: 'boolean', default: false },
  },
})
const threads = Number(flags.threads)
const precision = flags.precision === 'f32' ? 'f32' : 'bf16'
const [seed, batch, length] = [1, 16, 256]
const root = resolve(import.meta.dirname, '../../..')
const documents = join(root, '.cache/debian-docs/documents.jsonl')
const shared = join(root, '.cache/proof/pretrain')
const folder = join(shared, `${flags.tokens}-${flags['held-out']}-${precision}`)
if (flags.fresh) rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const start = join(shared, 'start')
const texts = textsOf(documents)
await prepareStart(start, texts, seed, length)
const share = Math.min(0.5, amount.parse(flags['held-out']) / (await countTokens(shared, start, texts)))
const recipeFile = join(folder, 'recipe.yaml')
const recipeText = `name: run
seed: ${seed}
model: { from: ${start} }
stages:
  - pretrain:
      data: { files: ${documents}, heldOut: ${share.toFixed(4)} }
      tokens: ${flags.tokens}
      batch: ${batch}
      length: ${length}
      rate: 2e-3
      precision: ${precision}
`
writeFileSync(recipeFile, recipeText)
const recipe = parseRecipe(recipeText, recipeFile, stages)
const options = recipe.stages[0]?.options as LoopOptions & { readonly data: TextData }
const steps = stepsOf(options)

/** Writes the rows of both sides once, with what the peer needs to know. */
async function writePlan(): Promise<{ readonly heldOutBytes: number; readonly heldOutTokens: number }> {
  const path = join(folder, 'plan.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  const rows = { data: options.data, base: folder, seed, start, batch, length }
  await writeRows(join(folder, 'train'), stageBatches(rows, 'train', steps))
  const heldOutTokens = await writeRows(join(folder, 'held-out'), stageBatches(rows, 'held-out'))
  const heldOutBytes = await heldOutSize()
  const schedule = scheduleOf(options)
  const rates = Array.from({ length: steps }, (_, at) => schedule(at + 1))
  writeFileSync(path, JSON.stringify({ batch, length, rates, heldOutBytes, heldOutTokens, start }))
  return { heldOutBytes, heldOutTokens }
}

/** UTF-8 bytes of the held-out documents. */
async function heldOutSize(): Promise<number> {
  const { recordsOf } = await import('../../../src/train/stages/data-options.ts')
  let bytes = 0
  for await (const { fields } of await recordsOf(options.data, folder, 'held-out', options.data.unit)) {
    bytes += Buffer.byteLength(String(fields.text))
  }
  return bytes
}

/** Tokens a second of steps over one batch that lies ready: what `r1 bench train` measures. */
async function benchmark(): Promise<number> {
  await using checkpoint = await openCheckpoint(start)
  const model = llama.config.parse(modelOf(checkpoint.config).config) as LlamaConfig
  const configuration = { name: 'proof', model, batch, length }
  const row = await runTraining(configuration, { steps: 12, threads, precision, kernels: true }, 1)
  return row.tokens_per_second
}

/** Runs the recipe, noting how long its steps took with everything around them. */
async function train() {
  const path = join(folder, 'ours-times.json')
  let [tokens, seconds, last] = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as number[]) : [0, 0]
  last = undefined
  const keep = () => writeFileSync(path, JSON.stringify([tokens, seconds]))
  const onReport = (_: string, line: Readonly<Record<string, number | string | boolean>>) => {
    const now = performance.now()
    // The first step of a process also compiles.
    if (last !== undefined) {
      tokens = (tokens ?? 0) + Number(line.tokens)
      seconds = (seconds ?? 0) + (now - last) / 1000
    }
    last = now
    if (Number(line.step) % 100 !== 0) return
    console.log(
      `ours  ${line.step}/${line.steps}  loss ${Number(line.loss).toFixed(4)}  ${((tokens ?? 0) / (seconds ?? 1)).toFixed(0)} tokens/s`,
    )
    keep()
  }
  for await (const _ of runRecipe(recipe, { runs: folder, resume: true, threads, onReport }));
  keep()
  return (tokens ?? 0) / (seconds ?? 1)
}

/** Nats of every held-out target under the trained weights, in f32. */
async function heldOutNats(): Promise<number> {
  await using checkpoint = await openCheckpoint(join(folder, 'run/01-pretrain/checkpoint'))
  const loaded = await loadModel(checkpoint)
  using measured = new HeldOut(loaded, nextToken, [...readRows(join(folder, 'held-out'), batch, length)], { threads })
  const { loss } = await measured.measure()
  return loss
}

function stored<Value>(name: string, make: () => Promise<Value>): Promise<Value> | Value {
  const path = join(folder, name)
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Value
  return make().then((value) => {
    writeFileSync(path, JSON.stringify(value))
    return value
  })
}

const { heldOutBytes, heldOutTokens } = await writePlan()
const before = await stored('bench-before.json', benchmark)
const speed = await train()
const after = await stored('bench-after.json', benchmark)
const nats = await stored('ours-nats.json', heldOutNats)
const ours = (nats * heldOutTokens) / Math.LN2 / heldOutBytes

setUpPython()
if (!existsSync(join(folder, 'torch.json'))) {
  // The peer reads the start from the folder it is given.
  rmSync(join(folder, 'start'), { recursive: true, force: true })
  execFileSync('cp', ['-r', start, join(folder, 'start')])
  execFileSync(python, [join(root, 'bench/peers/torch/pretrain.py'), folder, precision, flags.threads], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}
const torch = JSON.parse(readFileSync(join(folder, 'torch.json'), 'utf8')) as {
  bitsPerByte: number
  tokensPerSecond: number
  losses: number[]
  version: string
}
const losses = readFileSync(join(folder, 'run/01-pretrain/metrics.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { loss: number }).loss)
const gap = Math.max(...losses.slice(0, 10).map((loss, at) => Math.abs(loss - (torch.losses[at] ?? Number.NaN))))
const own = (before + after) / 2
const page = `# Pretraining beside PyTorch

\`npm run proof:pretrain -- --tokens ${flags.tokens} --held-out ${flags['held-out']} --precision ${precision} --threads ${threads}\`

A model of 10.2 M parameters (6 layers, width 384, 2,048 tokens of byte-level BPE) pretrained on Debian's English documentation:
${steps} steps of ${batch * length} tokens in ${precision}, cosine from 2e-3 after warm-up. PyTorch ${torch.version} begins with the same weights and reads
the same rows in the same order. ${heldOutTokens.toLocaleString('en')} tokens (${heldOutBytes.toLocaleString('en')} bytes) are held out by document and measured in f32.

| | bits a byte | tokens a second |
|---|---|---|
| ours, stage \`pretrain\` | ${ours.toFixed(4)} | ${speed.toFixed(0)} |
| PyTorch ${torch.version} | ${torch.bitsPerByte.toFixed(4)} | ${torch.tokensPerSecond.toFixed(0)} |
| ours / PyTorch | ${(ours / torch.bitsPerByte).toFixed(4)} | ${(speed / torch.tokensPerSecond).toFixed(2)} |

Steps over one batch that lies ready, as \`r1 bench train\` measures them, reach ${own.toFixed(0)} tokens a second (before ${before.toFixed(0)}, after ${after.toFixed(0)}):
reading, tokenizing, logging and saving leave ${((100 * speed) / own).toFixed(1)} % of it. Over the first ten steps the two losses differ by ${gap.toExponential(1)} at the most.
`
mkdirSync(join(root, 'docs/results'), { recursive: true })
writeFileSync(join(root, 'docs/results/pretrain.md'), page)
console.log(page)
