/**
 * Shows that what is written here loads in other libraries: `npm run proof:models`.
 *
 * Every decoder of src/models/fixtures is loaded and saved again, and models of the family r1 are made, saved with a
 * tokenizer trained here, and exported and back by the command. transformers must compute equal logits, tokenizers give
 * equal ids. Python packages come from PyPI into .cache/fixtures-python.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type LoadedModel, r1Model, saveModel } from '../../../src/models/index.ts'
import { fixtures, loadFixture } from '../../../src/models/testing/fixture.ts'
import { ModelRunner } from '../../../src/models/testing/runner.ts'
import { NDArray } from '../../../src/runtime/array.ts'
import { Variables } from '../../../src/runtime/variables.ts'
import { loadTokenizer, saveTokenizer } from '../../../src/text/index.ts'
import { makeLines } from '../../fixtures/tokenizers/lines.ts'
import { trainOnTexts } from '../../fixtures/tokenizers/trained.ts'
import { interpreter, makeEnvironment } from '../../python/environment.mjs'
import { proveExports } from './exports.ts'

const root = resolve(import.meta.dirname, '../../..')
const work = join(root, '.cache/proof/models')
const environment = join(root, '.cache/fixtures-python')
const length = 24

/** Saves a model and, beside it, logits of some tokens. */
async function save(name: string, loaded: LoadedModel): Promise<void> {
  using runner = new ModelRunner(loaded, true)
  const ids = Array.from({ length }, (_, at) => (at * at * 7 + 3) % loaded.model.vocabulary)
  const row = (values: readonly number[]) => NDArray.from(values.map(BigInt), [1, length], 'i64')
  const logits = await runner.logits({ ids: row(ids), positions: row([...ids.keys()]) })
  await saveModel(join(work, name), loaded)
  writeFileSync(join(work, name, 'ours.json'), JSON.stringify({ ids, logits: [...logits] }))
  loaded.variables.dispose()
}

/** Trains a tokenizer into a folder and, beside it, writes its ids of 10,000 lines. */
async function saveTrainedTokenizer(folder: string): Promise<void> {
  await saveTokenizer(folder, await trainOnTexts(), { bos: '<|im_start|>', eos: '<|im_end|>', pad: '<|endoftext|>' })
  const tokenizer = await loadTokenizer(folder)
  const lines = makeLines()
  writeFileSync(join(work, 'lines.json'), JSON.stringify(lines))
  writeFileSync(join(folder, 'tokens.json'), JSON.stringify(lines.map((line) => [...tokenizer.encode(line)])))
}

rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })
for (const fixture of fixtures()) {
  if (fixture.family !== 'bert') await save(fixture.name, await loadFixture(fixture))
}
for (const architecture of ['llama', 'qwen3'] as const) {
  const model = r1Model({ depth: 3, vocabulary: 1000, architecture })
  await save(`r1-${architecture}`, { model, variables: new Variables(5) })
}
const original = join(work, 'r1-llama')
await saveTrainedTokenizer(original)

const { folder, good } = await proveExports(original, join(work, 'exports'))
for (const name of ['ours.json', 'tokens.json']) cpSync(join(original, name), join(folder, name))
cpSync(folder, join(work, 'r1-llama-gguf-back'), { recursive: true })

makeEnvironment(
  environment,
  join(root, 'tools/fixtures/models/requirements.txt'),
  'import torch, gguf; from transformers import LlamaForCausalLM',
)
try {
  execFileSync(interpreter(environment), [join(import.meta.dirname, 'compare.py'), work], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TQDM_DISABLE: '1', PYTHONWARNINGS: 'ignore' },
  })
} catch {
  process.exit(1)
}
process.exit(good ? 0 : 1)
