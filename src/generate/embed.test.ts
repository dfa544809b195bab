import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openReference } from '../models/testing/fixture.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { DeepSeekR1 } from './deepseek-r1.ts'
import { cutTokens, Embedder } from './embed.ts'
import { loadTiny, someTokens } from './testing/engine.ts'
import { tinyTextModel } from './testing/text-model.ts'

const minilm = fileURLToPath(new URL('../../.cache/models/all-minilm-l6-v2', import.meta.url))
const title = 'all-MiniLM-L6-v2'

const hasKernels = kernelLibrary().operators.has('MatMul')

const dot = (left: ArrayLike<number>, right: ArrayLike<number>) =>
  Array.from(left).reduce((sum, value, at) => sum + value * (right[at] as number), 0)

describe('vectors of texts', () => {
  it('are the same whatever they are computed beside, in the order asked for', async () => {
    for (const name of ['bert-plain', 'llama-tied']) {
      const loaded = await loadTiny(name)
      const embedder = new Embedder(loaded)
      const { vocabulary, positions } = loaded.model
      // More than one batch, with texts of one token and of all positions.
      const lengths = [1, positions, 5, 17, positions, ...Array.from({ length: 40 }, (_, at) => 1 + (at % positions))]
      const texts = lengths.map((length, at) => someTokens(length, vocabulary, at))
      const together = await embedder.embed(texts)
      for (const at of [0, 1, 2, 30]) {
        const [alone] = await embedder.embed([texts[at] as Int32Array])
        if (hasKernels) expect(alone).toEqual(together[at])
        else expect(dot(alone as Float32Array, together[at] as Float32Array)).toBeCloseTo(1, 5)
      }
      expect(dot(together[2] as Float32Array, together[3] as Float32Array)).toBeLessThan(0.9999)
      await expect(embedder.embed([[]])).rejects.toMatchObject({ code: 'empty-prompt' })
      await expect(embedder.embed([someTokens(positions + 1, vocabulary, 1)])).rejects.toMatchObject({
        code: 'context-too-long',
      })
      await expect(embedder.embed(texts, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
      expect(await embedder.embed([])).toEqual([])
      await embedder.dispose()
      loaded.variables.dispose()
    }
  })

  it('are of the first or the last token where the format says so', async () => {
    const loaded = await loadTiny('llama-tied')
    const text = someTokens(9, loaded.model.vocabulary, 1)
    const embed = async (pooling: 'mean' | 'first' | 'last', tokens: Int32Array) => {
      const embedder = new Embedder({ ...loaded, embedding: { pooling, length: 16 } })
      const [vector] = await embedder.embed([tokens, someTokens(12, loaded.model.vocabulary, 2)])
      await embedder.dispose()
      return vector as Float32Array
    }
    // A decoder's first state knows no later token, its last state all of them.
    const other = Int32Array.from(text, (id, at) => (at === 5 ? (id + 1) % loaded.model.vocabulary : id))
    expect(dot(await embed('first', text), await embed('first', other))).toBeCloseTo(1, 6)
    expect(dot(await embed('last', text), await embed('last', other))).toBeLessThan(0.9999)
    expect(dot(await embed('last', text.slice(0, 1)), await embed('first', text))).toBeCloseTo(1, 5)
    loaded.variables.dispose()
  })

  it('come from a model that cannot write, too', async () => {
    await using model = await DeepSeekR1.fromModel(await tinyTextModel('bert-plain'))
    const [first, second] = await model.embed(['a text', 'another one'])
    expect(dot(first as Float32Array, first as Float32Array)).toBeCloseTo(1, 5)
    expect(await model.embed('a text')).toHaveLength((second as Float32Array).length)
    await expect(model.generate('a text')).rejects.toMatchObject({ code: 'no-cache' })
  })

  it('are made of texts that are cut only where that is asked for', async () => {
    expect([...cutTokens(Int32Array.of(1, 2, 3, 4, 5), 3, true)]).toEqual([1, 2, 5])
    expect([...cutTokens(Int32Array.of(1, 2, 3, 4, 5), 3, false)]).toEqual([1, 2, 3])
    expect([...cutTokens(Int32Array.of(1, 2, 3), 3, true)]).toEqual([1, 2, 3])
    await using model = await DeepSeekR1.fromModel(await tinyTextModel('bert-plain'))
    const long = 'a'.repeat(model.context + 1)
    await expect(model.embed(long)).rejects.toMatchObject({ code: 'context-too-long' })
    const cut = await model.embed(long, { truncate: true })
    expect(dot(cut, await model.embed('a'.repeat(model.context)))).toBeCloseTo(1, 5)
  })
})

describe.runIf(existsSync(minilm))(
  existsSync(minilm) ? title : `${title}: skipped, not in .cache/models (npm run fetch:minilm)`,
  () => {
    it('embeds sentences as transformers does', async () => {
      const { sentences } = JSON.parse(
        readFileSync(new URL('../models/fixtures/minilm/reference.json', import.meta.url), 'utf8'),
      ) as { sentences: string[] }
      await using reference = await openReference({ name: 'minilm' })
      const expected = await reference.floats('embedding')
      await using model = await DeepSeekR1.fromPretrained(minilm)
      const vectors = await model.embed(sentences, { truncate: true })
      const cosines = vectors.map((vector, at) =>
        dot(vector, expected.subarray(at * vector.length, (at + 1) * vector.length)),
      )
      // The reference takes words of a text for control tokens where they look like ones. Here a text stays a text.
      const plain = cosines.filter((_, at) => !sentences[at]?.includes('[CLS]'))
      expect(plain).toHaveLength(19)
      expect(Math.min(...plain)).toBeGreaterThanOrEqual(0.9999)
      // The fixture's longest sentence is cut at 256 tokens, as the checkpoint says.
      await expect(model.embed(sentences)).rejects.toMatchObject({ code: 'context-too-long' })
    })
  },
)
