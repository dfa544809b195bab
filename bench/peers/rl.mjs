/**
 * Steps of GRPO beside the same loop in PyTorch and transformers, in turns, each in a process of its own:
 * `node bench/peers/rl.mjs --help`. Build the package first.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { interpreter, makeEnvironment } from '../../tools/python/environment.mjs'

const root = join(import.meta.dirname, '../..')
const HELP = `node bench/peers/rl.mjs [options]

  --layers N --hidden N          the model (default 5, 192)
  --questions N --group N        completions of a step (default 16 x 16)
  --prompt N --completion N      tokens (default 32, 128)
  --slots N                      completions that our engine draws side by side (default 128; PyTorch draws all)
  --rows N                       rows of a part of the update (default 16)
  --steps N --rounds N           steps of a turn, the first of which is warm-up, and turns (default 3, 2)
  --threads N                    (default 2)
`
const number = (value) => ({ type: 'string', default: String(value) })
const { values } = parseArgs({
  options: {
    ...{ layers: number(5), hidden: number(192), questions: number(16), group: number(16) },
    ...{ prompt: number(32), completion: number(128), slots: number(128), rows: number(16) },
    ...{ steps: number(3), rounds: number(2), threads: number(2), help: { type: 'boolean', default: false } },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const environment = join(root, '.cache/fixtures-python')
makeEnvironment(environment, join(root, 'tools/fixtures/models/requirements.txt'), 'import torch, transformers')
const { r1Config } = await import(join(root, 'dist/models/r1.js'))
const vocabulary = 320
const config = r1Config({ depth: Number(values.layers), width: Number(values.hidden), vocabulary })
const shared = Object.fromEntries(
  ['questions', 'group', 'prompt', 'completion', 'rows', 'steps', 'threads'].map((name) => [
    name,
    Number(values[name]),
  ]),
)

function ours(precision) {
  const words = ['layers', 'hidden', 'slots', ...Object.keys(shared)].flatMap((name) => [`--${name}`, values[name]])
  const command = [join(root, 'dist/cli/main.js'), 'bench', 'rl', '--json', ...words]
  const flags = ['--precision', precision, '--rollout-precision', precision]
  return JSON.parse(execFileSync(process.execPath, [...command, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] }))
}

function torch(precision) {
  const options = {
    ...{ ...shared, precision, vocabulary, layers: config.num_hidden_layers, hidden: config.hidden_size },
    ...{ heads: config.num_attention_heads, keyValueHeads: config.num_key_value_heads },
    ...{ headWidth: config.head_dim, feedForward: config.intermediate_size },
  }
  const script = join(import.meta.dirname, 'torch/rl.py')
  const env = { ...process.env, OMP_NUM_THREADS: values.threads }
  const words = ['-W', 'ignore', script, JSON.stringify(options)]
  return JSON.parse(execFileSync(interpreter(environment), words, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

const sides = {
  'ours bf16': () => ours('bf16'),
  'ours f32': () => ours('f32'),
  'torch bf16': () => torch('bf16'),
  'torch f32': () => torch('f32'),
}
const found = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(sides)) {
    console.error(`round ${round} of ${values.rounds}: ${name}`)
    found[name].push(run())
  }
}

const sizes = new Set(Object.values(found).flatMap((rows) => rows.map(({ parameters }) => parameters)))
if (sizes.size !== 1) throw new Error(`the models differ: ${[...sizes].join(' and ')} parameters`)

const best = (rows, name) => Math.max(...rows.map((row) => row[name]))
const rates = { drawing: 'rollout_tokens_per_second', learning: 'train_tokens_per_second', steps: 'steps_per_minute' }
/** The faster of a side's precisions, by one rate. */
const fastest = (side, rate) =>
  Object.keys(sides)
    .filter((name) => name.startsWith(side))
    .map((name) => ({ name, value: best(found[name], rate) }))
    .reduce((left, right) => (right.value > left.value ? right : left))
/** Ours against theirs, each at its fastest precision. */
const against = (rate) => {
  const [own, other] = [fastest('ours', rate), fastest('torch', rate)]
  return { ratio: own.value / other.value, sides: `${own.name} / ${other.name}` }
}

const [parameters] = sizes
const theirs = found['torch bf16'][0]
console.log(`${values.questions} x ${values.group} completions of ${values.completion} tokens after prompts of ${values.prompt} a step, ${values.threads} threads;
both ${parameters} parameters. Ours: ${values.slots} completions side by side. PyTorch ${theirs.torch}, transformers ${theirs.transformers}: all completions in one batch of \`generate\` with its key-value cache. Updates in parts of ${values.rows} rows. The best of ${values.rounds} turns, each the median
of its steps after the first.
`)
console.log('| | drawing, tokens/s | learning, tokens/s | steps a minute | MB |\n|---|---|---|---|---|')
for (const [name, rows] of Object.entries(found)) {
  const cells = [rates.drawing, rates.learning].map((key) => best(rows, key).toFixed(0))
  const memory = best(rows, 'peak_rss_mb').toFixed(0)
  console.log(`| ${[name, ...cells, best(rows, rates.steps).toFixed(2), memory].join(' | ')} |`)
}
const [drawing, learning, whole] = Object.values(rates).map(against)
console.log(`
drawing, ours / theirs:       ${drawing.ratio.toFixed(2)} (${drawing.sides})
learning, ours / theirs:      ${learning.ratio.toFixed(2)} (${learning.sides})
time of a step, ours / theirs: ${(1 / whole.ratio).toFixed(2)} (${whole.sides})`)
