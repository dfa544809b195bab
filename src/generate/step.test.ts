import { expect, it, vi } from 'vitest'
import { Program } from '../runtime/program.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'

it('logits leave a step only where someone reads them, and log-probabilities are the same to the bit', async () => {
  const loaded = await loadTiny()
  const run = vi.spyOn(Program.prototype, 'runWithout')
  const leftOut = () => run.mock.calls.map(([without]) => without.length)
  try {
    await using engine = await tinyEngine(loaded)
    const request = { prompt: someTokens(9, loaded.model.vocabulary, 4), maxNewTokens: 6 }
    const brief = await answerOf(engine, { ...request, logProbabilities: 0 })
    expect(new Set(leftOut())).toEqual(new Set([1]))
    const full = await answerOf(engine, { ...request, logProbabilities: 2 })
    expect(leftOut()).toContain(0)
    expect(full.ids).toEqual(brief.ids)
    expect(full.logProbabilities).toEqual(brief.logProbabilities)
  } finally {
    run.mockRestore()
    loaded.variables.dispose()
  }
})
