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
  return JSON.parse(execFileSync(process.execPath, [...command, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] }))
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
  return JSON.parse(execFileSync(interpreter(environment), words, { env, stdio: ['ignore', 'pipe', 'ignore'] }))
}

const sides = { 'ours bf16': () => ours('bf16'), 'ours f32': () => ours('f32') }
Object.assign(sides, { 'torch bf16': () => torch('bf16'), 'torch f32': () => torch('f32') })
const found = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(sides)) found[name].push(run())
}
const best = (rows, name) => Math.max(...rows.map((row) => row[name]))
console.log('| | drawing, tokens/s | learning, tokens/s | steps a minute | MB |\n|---|---|---|---|---|')
for (const [name, rows] of Object.entries(found)) {
  const cells = ['rollout_tokens_per_second', 'train_tokens_per_second'].map((key) => best(rows, key).toFixed(0))
  const memory = best(rows, 'peak_rss_mb').toFixed(0)
  console.log(`| ${[name, ...cells, best(rows, 'steps_per_minute').toFixed(2), memory].join(' | ')} |`)
}
