/**
 * Shows that GGUF files written here load in llama.cpp and generate the tokens they should: `npm run proof:gguf`.
 *
 * Tiny models of each family, and SmolLM2 if `npm run fetch:smollm2` brought it, against transformers. Python packages come
 * from PyPI into .cache/fixtures-python; llama.cpp is the npm package node-llama-cpp, in bench/peers/node-llama-cpp.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setUpLlamaCpp } from '../../../bench/peers/node-llama-cpp/setup.mjs'
import { exportCheckpoint } from '../../../src/checkpoint/export.ts'
import { interpreter, makeEnvironment } from '../../python/environment.mjs'

const root = resolve(import.meta.dirname, '../../..')
const work = join(root, '.cache/proof')
const here = import.meta.dirname

interface Task {
  file: string
  text: string
  prompt?: number[]
  count: number
}

interface Generated {
  file: string
  ids: number[]
  tokens: number[]
}

function generate(tasks: readonly Task[]): Generated[] {
  const output = execFileSync(process.execPath, [join(here, 'llama-cpp.mjs'), JSON.stringify(tasks)], {
    cwd: setUpLlamaCpp(),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Generated)
}

function equalStart(a: readonly number[], b: readonly number[]): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

let failed = false
function report(name: string, good: boolean, what: string): void {
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name.padEnd(24)} ${what}`)
  failed ||= !good
}

interface Greedy {
  text: string
  prompt: number[]
  tokens: number[]
}

/** Each family in f32: 64 tokens equal to those of transformers. */
async function proveFamilies(python: string): Promise<void> {
  const folder = join(work, 'families')
  execFileSync(python, [join(here, 'make.py'), folder], { stdio: ['ignore', 'ignore', 'ignore'] })
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const expected = new Map<string, Greedy>()
  const tasks: Task[] = []
  for (const { name } of names) {
    const file = join(folder, `${name}.gguf`)
    await exportCheckpoint(join(folder, name), { format: 'gguf', type: 'f32', out: file })
    const greedy: Greedy = JSON.parse(readFileSync(join(folder, name, 'greedy.json'), 'utf8'))
    expected.set(file, { ...greedy, text: name })
    tasks.push({ file, text: greedy.text, prompt: greedy.prompt, count: 64 })
  }
  for (const { file, ids, tokens } of generate(tasks)) {
    const greedy = expected.get(file) as Greedy
    const tokenised = String(ids) === String(greedy.prompt)
    const equal = equalStart(greedy.tokens, tokens)
    report(
      `${greedy.text} f32`,
      tokenised && equal === 64,
      `tokenised alike: ${tokenised}, greedy tokens equal: ${equal} of 64`,
    )
  }
}

const question = '<|im_start|>user\nName three colours of the rainbow.<|im_end|>\n<|im_start|>assistant\n'

/** What transformers generates from the original file, dequantised to f32. */
function reference(python: string, original: string, ids: readonly number[], count: number): number[] {
  const words = [join(here, 'greedy.py'), original, String(count), ...ids.map(String)]
  const output = execFileSync(python, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(output.trim().split('\n').at(-1) ?? '[]') as number[]
}

/**
 * SmolLM2 written again as Q4_1 generates what the original does, and as F32 what transformers does with the same
 * weights. llama.cpp rounds activations to 8 bits where weights are quantised, so the two differ from each other. The
 * other types are compared byte for byte with the reference quantiser.
 */
async function proveSmolLM2(original: string, python: string): Promise<void> {
  const types = ['q4_1', 'f32', 'f16', 'q8_0', 'q4_0']
  const files = types.map((type) => join(work, `smollm2-${type}.gguf`))
  for (const [index, type] of types.entries()) {
    await exportCheckpoint(original, { format: 'gguf', type, out: files[index] as string })
  }
  const [first, ...written] = generate([original, ...files].map((file) => ({ file, text: question, count: 64 })))
  const length = first?.tokens.length ?? 0
  const exact = reference(python, original, first?.ids ?? [], 64)
  for (const [index, { tokens }] of written.entries()) {
    const type = types[index] ?? ''
    const equal = equalStart(first?.tokens ?? [], tokens)
    const toOriginal = `greedy tokens equal to the original Q4_1 file's: ${equal} of ${length}`
    if (type === 'q4_1') report(`SmolLM2 ${type}`, equal === length && length > 0, toOriginal)
    else if (type === 'f32') {
      // A conversation ends where llama.cpp stops; transformers was told to go on.
      const alike = equalStart(tokens, exact)
      report(
        `SmolLM2 ${type}`,
        alike === tokens.length && alike > 0,
        `equal to transformers': ${alike} of ${tokens.length}`,
      )
    } else report(`SmolLM2 ${type}`, tokens.length > 0, toOriginal)
  }
  const [, f32 = '', , ...quantised] = files
  execFileSync(python, [join(here, 'compare.py'), f32, ...quantised], { stdio: 'inherit' })
}

mkdirSync(work, { recursive: true })
const environment = join(root, '.cache/fixtures-python')
makeEnvironment(
  environment,
  join(root, 'tools/fixtures/models/requirements.txt'),
  'import torch, gguf; from transformers import LlamaForCausalLM',
)
const python = interpreter(environment)
await proveFamilies(python)

const smollm2 = join(root, '.cache/models/smollm2-135m-instruct')
const gguf = existsSync(smollm2) ? readdirSync(smollm2).find((name) => name.endsWith('.gguf')) : undefined
if (gguf === undefined) console.log('skipped SmolLM2: npm run fetch:smollm2 brings it')
else await proveSmolLM2(join(smollm2, gguf), python)
process.exit(failed ? 1 : 0)
