import { Engine } from '../../../generate/index.ts'
import { promptTokens } from '../../../generate/text/generate-text.ts'
import { passage } from './passage.ts'
import { type Scenario, timed } from './scenario.ts'

interface Turn {
  readonly prompt_tokens: number
  /** Not found in the cache. */
  readonly computed_tokens: number
  readonly first_token_ms: number
}

export interface PrefixFigures {
  readonly turns: readonly [Turn, Turn]
  /** The second turn's against the first's. */
  readonly computed_ratio: number
  readonly first_token_ratio: number
}

/** Two turns of a conversation: what of the second prompt is computed, and how soon its first token comes. Best of all rounds. */
export async function measurePrefix({ model, threads, rounds, signal }: Scenario): Promise<PrefixFigures> {
  await using engine = await Engine.create(model, { slots: 1, threads })
  const first = { role: 'user', content: `${passage}\n\nIn which year did the last mill close?` } as const
  const ask = async (messages: Parameters<typeof promptTokens>[1], salt: string) => {
    const { ids: prompt } = await promptTokens(model, messages)
    const stream = engine.generate({ prompt, maxNewTokens: 16, stopIds: model.stopIds, salt, signal })
    const { ids, times } = await timed(stream)
    const { promptTokens: size, cachedTokens } = (await stream.finish).usage
    const turn: Turn = {
      prompt_tokens: size,
      computed_tokens: size - cachedTokens,
      first_token_ms: times[0] ?? Number.NaN,
    }
    return { turn, text: model.tokenizer.decode(ids.filter((id) => !model.stopIds.has(id))) }
  }
  const found: [Turn, Turn][] = []
  for (let round = 0; round <= rounds; round++) {
    const salt = String(round)
    const { turn, text } = await ask([first], salt)
    const answer = { role: 'assistant', content: text } as const
    const again = { role: 'user', content: 'And what is in it today?' } as const
    const { turn: second } = await ask([first, answer, again], salt)
    if (round > 0) found.push([turn, second])
  }
  const least = (at: 0 | 1): Turn => ({
    ...(found[0] as [Turn, Turn])[at],
    first_token_ms: Math.min(...found.map((turns) => turns[at].first_token_ms)),
  })
  const turns = [least(0), least(1)] as const
  return {
    turns: [...turns],
    computed_ratio: turns[1].computed_tokens / turns[0].computed_tokens,
    first_token_ratio: turns[1].first_token_ms / turns[0].first_token_ms,
  }
}
