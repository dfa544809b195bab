import { Engine, type SamplingOptions } from '../../../generate/index.ts'
import { promptTokens } from '../../../generate/text/generate-text.ts'
import { passage } from './passage.ts'
import { perToken, type Scenario, timed } from './scenario.ts'

/** Texts at once. */
const batches = [1, 16] as const

const ways = {
  greedy: {},
  temperature: { temperature: 0.8 },
  top_p: { temperature: 0.8, topP: 0.95 },
  penalties: { temperature: 0.8, topP: 0.95, repetitionPenalty: 1.1 },
} satisfies Record<string, SamplingOptions>
type Way = keyof typeof ways

export interface SamplingFigures {
  readonly texts: number
  /** Of all texts together, in the best round. */
  readonly tokens_per_second: Readonly<Record<Way, number>>
}

/** What drawing a token costs beside taking the most likely one, for one text and for several, in turns. */
export async function measureSampling({
  model,
  threads,
  rounds,
  tokens,
  signal,
}: Scenario): Promise<SamplingFigures[]> {
  // What is likely after words is not what is likely after random tokens.
  const { ids: prompt } = await promptTokens(model, `Tell this in your own words:\n\n${passage}`)
  await using engine = await Engine.create(model, { slots: Math.max(...batches), threads })
  const write = async (texts: number, sampling: SamplingOptions) => {
    const streams = Array.from({ length: texts }, (_, at) =>
      timed(engine.generate({ prompt, sampling: { ...sampling, seed: at }, maxNewTokens: tokens })),
    )
    return Math.min(...(await Promise.all(streams)).map(({ times }) => perToken(times)))
  }
  const figures: SamplingFigures[] = []
  for (const texts of batches) {
    const best: Record<Way, number> = { greedy: 0, temperature: 0, top_p: 0, penalties: 0 }
    for (let round = 0; round <= rounds; round++) {
      for (const [name, sampling] of Object.entries(ways) as [Way, SamplingOptions][]) {
        signal.throwIfAborted()
        const rate = (1000 * texts) / (await write(texts, sampling))
        // The first round wakes threads and memory.
        if (round > 0) best[name] = Math.max(best[name], rate)
      }
    }
    figures.push({ texts, tokens_per_second: best })
  }
  return figures
}
