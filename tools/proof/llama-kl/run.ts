/**
 * Compares next-token distributions with those of llama.cpp on real text, at equal weights: `npm run proof:llama-kl`,
 * with `-- --model x.gguf` on another file, with `-- --only int8` one of the ways alone.
 *
 * The text is the first 2,048 tokens of GSM8K's test set in windows of 512. Fails where the mean divergence is above 0.01
 * nats or the perplexity differs by more than 0.5 %. Needs `npm run fetch:smollm2`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { setUpLlamaCpp } from '../../../bench/peers/node-llama-cpp/setup.mjs'
import { compileFor } from '../../../src/generate/compile.ts'
import { type CacheType, Engine, loadTextModel, type TextModel } from '../../../src/generate/index.ts'
import { logitsOf, Scope } from '../../../src/nn/index.ts'
import { NDArray } from '../../../src/runtime/array.ts'
import { Divergence } from './divergence.ts'

const root = resolve(import.meta.dirname, '../../..')
const smollm2 = '.cache/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf'
const { model: file, only } = parseArgs({
  options: { model: { type: 'string', default: join(root, smollm2) }, only: { type: 'string', default: '' } },
}).values
const window = 512
const count = 2048
const allowed = { meanKl: 0.01, perplexity: 0.005 }

type Row = (at: number) => Float32Array

/** Logits after every token of a window but the last, as a prompt is read. */
async function reader(loaded: TextModel) {
  const { model } = loaded
  const row = { dtype: 'i64', shape: [1, 'time'] } as const
  const program = await compileFor(
    loaded,
    'prefill',
    { ids: row, positions: row },
    (inputs) => {
      const scope = new Scope()
      return logitsOf(model.head(scope, model.forward(scope, inputs, { length: window }).hidden))
    },
    {},
  )
  return {
    async logitsOf(tokens: readonly number[]): Promise<Row> {
      const ids = tokens.slice(0, -1)
      const array = (values: readonly number[]) =>
        NDArray.from(BigInt64Array.from(values.map(BigInt)), [1, ids.length], 'i64')
      const [logits] = (await program.run([array(ids), array([...ids.keys()])])) as [NDArray<'f32'>]
      const { data } = logits
      return (at) => data.subarray(at * model.vocabulary, (at + 1) * model.vocabulary)
    },
    close: async () => program.dispose(),
  }
}

/** The same as a text is written: an engine is made to write the window. */
async function writer(loaded: TextModel, cacheType: CacheType) {
  const engine = await Engine.create(loaded, { slots: 1, context: window, cacheType })
  return {
    async logitsOf(tokens: readonly number[]): Promise<Row> {
      const rows: Float32Array[] = []
      const restrict = (logits: Float32Array) => {
        rows.push(logits.slice())
        logits.fill(Number.NEGATIVE_INFINITY).fill(0, tokens[rows.length], (tokens[rows.length] as number) + 1)
      }
      const prompt = tokens.slice(0, 1)
      await engine
        .generate({ prompt, maxNewTokens: tokens.length - 1, guide: { restrict, accept: () => undefined } })
        .all()
      return (at) => rows[at] as Float32Array
    },
    close: () => engine.close(),
  }
}

const text = readFileSync(join(root, 'tools/fixtures/tokenizers/text/english.txt'), 'utf8')
const loaded = await loadTextModel(file)
const tokens = [...loaded.tokenizer.encode(text)].slice(0, count)
const windows = Array.from({ length: count / window }, (_, at) => tokens.slice(at * window, (at + 1) * window))

const folder = join(root, '.cache/proof/llama-kl')
mkdirSync(folder, { recursive: true })
execFileSync(
  process.execPath,
  [join(import.meta.dirname, 'llama-cpp.mjs'), JSON.stringify({ file: resolve(file), windows, to: folder })],
  { cwd: setUpLlamaCpp(), stdio: ['ignore', 'ignore', 'inherit'] },
)

const ways = {
  'read as a prompt': () => reader(loaded),
  'written, cache f16': () => writer(loaded, 'f16'),
  'written, cache int8': () => writer(loaded, 'int8'),
}
for (const [name, open] of Object.entries(ways).filter(([name]) => name.includes(only))) {
  const side = await open()
  const divergence = new Divergence()
  for (const [index, tokens] of windows.entries()) {
    const bytes = readFileSync(join(folder, `${index}.f32`))
    const theirs = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    const width = theirs.length / (tokens.length - 1)
    const own = await side.logitsOf(tokens)
    for (let at = 0; at + 1 < tokens.length; at++)
      divergence.add(theirs.subarray(at * width, (at + 1) * width), own(at), tokens[at + 1] as number)
  }
  await side.close()
  const found = divergence.result
  const good = found.meanKl <= allowed.meanKl && Math.abs(found.perplexityRatio - 1) <= allowed.perplexity
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}: ${JSON.stringify(found)}`)
  if (!good) process.exitCode = 1
}
loaded.variables.dispose()
rmSync(folder, { recursive: true })
