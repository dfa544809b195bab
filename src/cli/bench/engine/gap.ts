import { Engine } from '../../../generate/index.ts'
import { median, promptOf } from '../measure.ts'
import { type Scenario, timed } from './scenario.ts'

/** Streams under way, tokens of the long prompt, and of the parts it is computed in. */
const [streams, longPrompt, chunk] = [3, 1536, 256] as const

export interface GapFigures {
  readonly streams: number
  readonly prompt_tokens: number
  readonly chunk: number
  /** Between two tokens of a stream, before the long prompt came. */
  readonly usual_gap_ms: number
  /** Longest between two tokens of any stream while it was computed; least of all rounds, and their median. */
  readonly worst_gap_ms: { readonly best: number; readonly median: number }
  /** From asking to the long prompt's first token, beside the streams. */
  readonly first_token_ms: number
}

/** How long streams wait for a token while a long prompt is computed. */
export async function measureGap({ model, threads, rounds, signal }: Scenario): Promise<GapFigures> {
  const { vocabulary } = model.model
  await using engine = await Engine.create(model, { slots: streams + 1, context: 2048, chunk, threads })
  const usual: number[] = []
  const worst: number[] = []
  const firsts: number[] = []
  for (let round = 0; round < rounds; round++) {
    const controller = new AbortController()
    const stop = AbortSignal.any([signal, controller.signal])
    const gaps: { from: number; to: number }[] = []
    const running = Array.from({ length: streams }, async (_, at) => {
      const prompt = promptOf(64 + at, vocabulary)
      let before = Number.NaN
      try {
        for await (const _ of engine.generate({ prompt, salt: `${round}.${at}`, signal: stop })) {
          const now = performance.now()
          if (!Number.isNaN(before)) gaps.push({ from: before, to: now })
          before = now
        }
      } catch (error) {
        if (!controller.signal.aborted) throw error
      }
    })
    while (gaps.length < 32 * streams) await new Promise((wake) => setTimeout(wake, 5))
    const asked = performance.now()
    const long = engine.generate({
      prompt: promptOf(longPrompt, vocabulary),
      maxNewTokens: 1,
      salt: `${round}`,
      signal,
    })
    const { times } = await timed(long)
    const done = performance.now()
    controller.abort()
    await Promise.all(running)
    const size = ({ from, to }: (typeof gaps)[number]) => to - from
    usual.push(...gaps.filter(({ to }) => to < asked).map(size))
    worst.push(Math.max(...gaps.filter(({ from, to }) => to > asked && from < done).map(size)))
    firsts.push(times[0] ?? Number.NaN)
  }
  return {
    ...{ streams, prompt_tokens: longPrompt, chunk },
    usual_gap_ms: median(usual),
    worst_gap_ms: { best: Math.min(...worst), median: median(worst) },
    first_token_ms: Math.min(...firsts),
  }
}
