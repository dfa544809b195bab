import { Engine } from '../../../generate/index.ts'
import { promptTokens } from '../../../generate/text/generate-text.ts'
import { median } from '../measure.ts'
import { passage } from './passage.ts'
import { perToken, type Scenario, timed } from './scenario.ts'

export interface LookupFigures {
  readonly prompt_tokens: number
  readonly new_tokens: number
  /** The texts are equal token by token. */
  readonly same_text: boolean
  readonly accepted_drafts: number
  readonly tokens_per_second: Readonly<Record<'plain' | 'lookup', { readonly best: number; readonly median: number }>>
  /** Of the best rounds, and of the medians. */
  readonly ratio: number
  readonly median_ratio: number
}

/** A summary written with drafts from the prompt and without, in turns. */
export async function measureLookup({ model, threads, rounds, tokens, signal }: Scenario): Promise<LookupFigures> {
  const asked = `Repeat the most important parts of this text:\n\n${passage}`
  const { ids: prompt } = await promptTokens(model, asked)
  await using engine = await Engine.create(model, { slots: 1, threads })
  const rates: Record<'plain' | 'lookup', number[]> = { plain: [], lookup: [] }
  const texts: string[] = []
  let [newTokens, accepted] = [0, 0]
  for (let round = 0; round <= rounds; round++) {
    for (const way of ['plain', 'lookup'] as const) {
      const stream = engine.generate({
        prompt,
        maxNewTokens: tokens,
        stopIds: model.stopIds,
        lookup: way === 'lookup',
        signal,
      })
      const { ids, times } = await timed(stream)
      texts.push(ids.join())
      newTokens = ids.length
      if (way === 'lookup') accepted = (await stream.finish).usage.acceptedDrafts
      // The first round wakes threads and memory.
      if (round > 0) rates[way].push(1000 / perToken(times))
    }
  }
  const figures = (values: readonly number[]) => ({ best: Math.max(...values), median: median(values) })
  const [plain, lookup] = [figures(rates.plain), figures(rates.lookup)]
  return {
    prompt_tokens: prompt.length,
    new_tokens: newTokens,
    same_text: new Set(texts).size === 1,
    accepted_drafts: accepted,
    tokens_per_second: { plain, lookup },
    ratio: lookup.best / plain.best,
    median_ratio: lookup.median / plain.median,
  }
}
