import { Engine } from '../../../generate/index.ts'
import { promptTokens } from '../../../generate/text/generate-text.ts'
import { median } from '../measure.ts'
import { passage } from './passage.ts'
import { perToken, type Scenario, timed } from './scenario.ts'

/** A text as it is told with drafts and without. */
export interface LookupText {
  readonly name: string
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

export interface LookupFigures {
  readonly texts: readonly LookupText[]
  /** Geometric mean of the texts' ratios. */
  readonly ratio: number
  readonly median_ratio: number
}

const asked = 'Summarise the following article in its own words, keeping key sentences:'

/** Summaries written with drafts from the prompt and without, in turns. */
export async function measureLookup({
  model,
  threads,
  rounds,
  tokens,
  texts,
  signal,
}: Scenario): Promise<LookupFigures> {
  await using engine = await Engine.create(model, { slots: 1, threads })
  const measured: LookupText[] = []
  for (const [name, text] of texts.size > 0 ? texts : [['built-in', passage] as const]) {
    const { ids: prompt } = await promptTokens(model, `${asked}\n\n${text}`)
    const rates: Record<'plain' | 'lookup', number[]> = { plain: [], lookup: [] }
    const written = new Set<string>()
    let [newTokens, accepted] = [0, 0]
    for (let round = 0; round <= rounds; round++) {
      for (const way of ['plain', 'lookup'] as const) {
        const request = { prompt, maxNewTokens: tokens, stopIds: model.stopIds, lookup: way === 'lookup', signal }
        const stream = engine.generate(request)
        const { ids, times } = await timed(stream)
        written.add(ids.join())
        newTokens = ids.length
        if (way === 'lookup') accepted = (await stream.finish).usage.acceptedDrafts
        // The first round wakes threads and memory.
        if (round > 0) rates[way].push(1000 / perToken(times))
      }
    }
    const figures = (values: readonly number[]) => ({ best: Math.max(...values), median: median(values) })
    const [plain, lookup] = [figures(rates.plain), figures(rates.lookup)]
    measured.push({
      name,
      prompt_tokens: prompt.length,
      new_tokens: newTokens,
      same_text: written.size === 1,
      accepted_drafts: accepted,
      tokens_per_second: { plain, lookup },
      ratio: lookup.best / plain.best,
      median_ratio: lookup.median / plain.median,
    })
  }
  const mean = (of: (text: LookupText) => number) =>
    Math.exp(measured.reduce((sum, text) => sum + Math.log(of(text)), 0) / measured.length)
  return { texts: measured, ratio: mean(({ ratio }) => ratio), median_ratio: mean((text) => text.median_ratio) }
}
