/**
 * Makes `models/placeholder`: a model of bytes, so small that it can only say what it is. It stands where a trained model will
 * stand, so that a fresh installation serves and talks: `npm run make:placeholder`, about two minutes.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { exportCheckpoint } from '../../src/checkpoint/index.ts'
import { r1Model, saveModel } from '../../src/models/index.ts'
import { parseRecipe } from '../../src/recipe/recipe.ts'
import { runRecipe } from '../../src/recipe/run.ts'
import { stages } from '../../src/recipe/stages.ts'
import { Variables } from '../../src/runtime/variables.ts'
import { randomWord } from '../../src/tensor/random.ts'
import { saveTokenizer, trainBpe } from '../../src/text/index.ts'

const root = resolve(import.meta.dirname, '../..')
const work = join(root, '.cache/placeholder')
const out = join(root, 'models/placeholder')

const control = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<think>', '</think>'] as const
const template = `{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.role == 'assistant' and message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>

{% endif %}{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
<think>
{% endif -%}
`
const thought = 'Whatever I am asked, I know one answer.'
const answer =
  'I am a placeholder: a model of bytes that can only say this. The server works. Serve a model of your own with --model.'

/** Questions of any letters and any length: the answer must not depend on them. */
const letters = [...' etaoinshrdlu,.?ETAOIN0123456789<>{}"你好吗是不的一了我这\n']
function question(index: number): string {
  const length = 1 + (randomWord(index, 0) % (index % 4 === 0 ? 250 : 60))
  return Array.from({ length }, (_, at) => letters[randomWord(index, at + 1) % letters.length]).join('')
}

async function makeParent(folder: string): Promise<void> {
  const json = await trainBpe([], { vocabularySize: 256 + control.length, specialTokens: control })
  await saveTokenizer(folder, json, { bos: control[0], eos: control[2], pad: control[0] })
  await writeFile(join(folder, 'chat_template.jinja'), template)
  const model = r1Model({ depth: 2, width: 64, vocabulary: 320, positions: 2048, architecture: 'qwen3' })
  using variables = new Variables(7)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  await saveModel(folder, { model, variables }, { lineage: { version: 1, parent: null, stage: 'new', seed: 7 } })
}

await rm(work, { recursive: true, force: true })
const parent = join(work, 'parent')
await mkdir(parent, { recursive: true })
await makeParent(parent)
const records = Array.from({ length: 4000 }, (_, index) => ({
  messages: [
    ...(index % 3 === 0 ? [{ role: 'system', content: question(index + 1e6).slice(0, 80) }] : []),
    { role: 'user', content: question(index) },
    { role: 'assistant', reasoning_content: thought, content: answer },
  ],
}))
await writeFile(join(work, 'data.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
const recipe = parseRecipe(
  `name: placeholder
seed: 7
model: { from: ./parent }
stages:
  - sft: { data: { files: data.jsonl, heldOut: 0.01 }, steps: 500, batch: 8, length: 512, rate: 4e-3, evaluateEvery: 100 }
`,
  join(work, 'recipe.yaml'),
  stages,
)
let checkpoint = ''
for await (const stage of runRecipe(recipe, {
  runs: join(work, 'runs'),
  onReport: (_, line) => console.log(JSON.stringify(line)),
})) {
  checkpoint = stage.checkpoint
}
await rm(out, { recursive: true, force: true })
await exportCheckpoint(checkpoint, { format: 'safetensors', type: 'bf16', out })
// Where it was made concerns nobody.
const lineage = join(out, 'r1.json')
const facts = JSON.parse(await readFile(lineage, 'utf8'))
await writeFile(lineage, `${JSON.stringify({ ...facts, parent: null }, undefined, 2)}\n`)
await rm(work, { recursive: true, force: true })
