import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import { Scope, tokenLogProbabilities } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import type { Tensor } from '../tensor/index.ts'
import { loadTokenizer } from '../text/index.ts'
import { type LoadedModel, loadModel } from './load.ts'
import { largestGap } from './testing/compare.ts'
import { EncoderRunner, encoderInputsOf } from './testing/encoder.ts'
import { openReference, type Reference } from './testing/fixture.ts'
import { columns, ModelRunner, oneToken, row } from './testing/runner.ts'

const cache = (path: string) => fileURLToPath(new URL(`../../.cache/models/${path}`, import.meta.url))
const smollm2 = cache('smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf')
const minilm = cache('all-minilm-l6-v2')
const { sentences }: { sentences: string[] } = JSON.parse(
  readFileSync(new URL('fixtures/minilm/reference.json', import.meta.url), 'utf8'),
)
/** Says what is missing where a model was not fetched. */
const titled = (title: string, path: string, script: string) =>
  existsSync(path) ? title : `${title}: skipped, not in .cache/models (npm run ${script})`

async function load(path: string): Promise<LoadedModel> {
  await using checkpoint = await openCheckpoint(path)
  return await loadModel(checkpoint)
}

const counting = (count: number) =>
  NDArray.from(
    Array.from({ length: count }, (_, at) => BigInt(at)),
    [1, count],
    'i64',
  )

describe.runIf(existsSync(smollm2))(titled('SmolLM2-135M-Instruct', smollm2, 'fetch:smollm2'), () => {
  let loaded: LoadedModel
  let reference: Reference
  beforeAll(async () => {
    loaded = await load(smollm2)
    reference = await openReference({ name: 'smollm2' })
  })
  afterAll(async () => {
    loaded?.variables.dispose()
    await reference?.[Symbol.asyncDispose]()
  })

  it('gives 2,000 tokens the log-probabilities of the reference', async () => {
    const { model, variables } = loaded
    using step = jit(
      ({ ids, positions, next }: Readonly<Record<'ids' | 'positions' | 'next', Tensor>>) => {
        const scope = new Scope()
        const { hidden } = model.forward(scope, { ids, positions })
        return tokenLogProbabilities(model.head(scope, hidden), next).logProbability
      },
      { variables },
    )
    const ids = await reference.integers('input_ids')
    const [rows, width] = ids.shape as [number, number]
    const found = new Float32Array(rows * (width - 1))
    for (let at = 0; at < rows; at++) {
      const tokens = row(ids, at, width)
      const inputs = {
        ids: columns(tokens, 0, width - 1),
        positions: counting(width - 1),
        next: columns(tokens, 1, width),
      }
      const logProbability = await step.run(inputs)
      found.set(logProbability.data as Float32Array, at * (width - 1))
    }
    const gap = largestGap(found, await reference.floats('log_probabilities'))
    console.log(
      `SmolLM2-135M-Instruct: largest difference of ${found.length} log-probabilities ${gap.toExponential(1)}`,
    )
    expect(found.length).toBe(2000)
    expect(gap).toBeLessThanOrEqual(1e-3)
  })

  it('answers a question with the 64 tokens of the reference, over its cache', async () => {
    const [prompt, answer] = [await reference.integers('chat.prompt'), await reference.integers('chat.answer')]
    using runner = new ModelRunner(loaded, true)
    const first = NDArray.from(prompt.data, [1, prompt.size], 'i64')
    let step = await runner.over(runner.emptyCache(1, prompt.size + answer.size), {
      ids: first,
      positions: counting(prompt.size),
    })
    const found = [step.best.at(-1) as bigint]
    while (found.length < answer.size) {
      step = await runner.over(step.cache, oneToken(found.slice(-1), [prompt.size + found.length - 1]))
      found.push(step.best[0] as bigint)
    }
    expect(found).toEqual([...answer.data])
  })
})

describe.runIf(existsSync(minilm))(titled('all-MiniLM-L6-v2', minilm, 'fetch:minilm'), () => {
  it('embeds 20 sentences as the reference does, from their text on', async () => {
    const loaded = await load(minilm)
    await using reference = await openReference({ name: 'minilm' })
    using runner = new EncoderRunner(loaded, true)
    const { tokens, rows } = await encoderInputsOf(reference)
    const tokenizer = await loadTokenizer(minilm)
    for (const [at, { ids }] of rows.entries()) {
      const expected = [...(ids.data as BigInt64Array)].map(Number)
      const found = [...tokenizer.encode(sentences[at] as string, { addSpecial: true, specialTokens: 'allow' })]
      // The reference cuts before the last of 256 tokens.
      const cut = found.length > 256 ? [...found.slice(0, 255), ...found.slice(-1)] : found
      expect(cut).toEqual(expected)
    }
    const [found, expected] = [(await runner.run(tokens)).embedding, await reference.floats('embedding')]
    const width = loaded.model.width
    const cosines = Array.from({ length: expected.length / width }, (_, at) =>
      expected
        .subarray(at * width, (at + 1) * width)
        .reduce((sum, value, index) => sum + value * (found[at * width + index] as number), 0),
    )
    console.log(`all-MiniLM-L6-v2: smallest cosine of ${cosines.length} embeddings ${Math.min(...cosines)}`)
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.9999)
    loaded.variables.dispose()
  })
})
