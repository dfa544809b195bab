import { afterAll, beforeAll, expect, it } from 'vitest'
import { beamSearch } from './beam.ts'
import type { EngineModel } from './engine-model.ts'
import { Scorer } from './score.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'

let loaded: EngineModel
beforeAll(async () => {
  loaded = await loadTiny()
})
afterAll(() => loaded.variables.dispose())

it('finds texts at least as likely as the greedy one, with their true probabilities', async () => {
  await using engine = await tinyEngine(loaded, { cacheType: 'f32', slots: 6 })
  const scorer = new Scorer(loaded)
  for (const seed of [1, 2, 3]) {
    const prompt = someTokens(8, loaded.model.vocabulary, seed)
    const found = await beamSearch(engine, prompt, { beams: 4, maxNewTokens: 6 })
    expect(found).toHaveLength(4)
    const greedy = await answerOf(engine, { prompt, maxNewTokens: 6, logProbabilities: 0 })
    const sum = greedy.logProbabilities.reduce<number>((total, value) => total + (value ?? 0), 0)
    expect(found[0]?.logProbability).toBeGreaterThanOrEqual(sum - 1e-4)
    for (const { ids, logProbability, reason } of found) {
      const all = await scorer.logProbabilities([...prompt, ...ids])
      const own = all.slice(prompt.length - 1).reduce((total, value) => total + value, 0)
      expect(logProbability).toBeCloseTo(own, 3)
      expect(reason).toBe('length')
    }
    const probabilities = found.map(({ logProbability }) => logProbability)
    expect(probabilities).toEqual([...probabilities].sort((left, right) => right - left))
  }
  await scorer.dispose()
})

it('ends texts at stop tokens and refuses senseless numbers', async () => {
  await using engine = await tinyEngine(loaded)
  const prompt = someTokens(8, loaded.model.vocabulary, 5)
  const [best] = await beamSearch(engine, prompt, { beams: 3, maxNewTokens: 5 })
  const stop = best?.ids[1] as number
  const found = await beamSearch(engine, prompt, { beams: 3, maxNewTokens: 5, stopIds: [stop] })
  expect(found.some(({ reason }) => reason === 'stop')).toBe(true)
  for (const { ids, reason } of found) expect(ids.at(-1) === stop).toBe(reason === 'stop')
  await expect(beamSearch(engine, prompt, { beams: 1, maxNewTokens: 5 })).rejects.toMatchObject({ code: 'bad-option' })
})
