import { Engine, type EngineLike, EngineWorker } from '../../../generate/index.ts'
import { median, promptOf } from '../measure.ts'
import { perToken, type Scenario, timed } from './scenario.ts'

/** Texts at once. */
const batch = 8

interface PerToken {
  /** Milliseconds a token, of one text, least and median of all rounds. */
  readonly one: { readonly best: number; readonly median: number }
  /** The same for each of several texts at once. */
  readonly several: { readonly best: number; readonly median: number }
}

export interface ApartFigures {
  readonly several: number
  readonly here: PerToken
  readonly apart: PerToken
  /** What a process of its own adds to a token, in microseconds, of the best rounds. */
  readonly added_us: { readonly one: number; readonly several: number }
}

/** An engine in this process and one in a process of its own, in turns. */
export async function measureApart({ model, threads, rounds, tokens, signal }: Scenario): Promise<ApartFigures> {
  const { vocabulary } = model.model
  const options = { slots: batch, threads }
  await using here = await Engine.create(model, options)
  await using apart = await EngineWorker.start(model.path, { ...options, signal })
  const write = async (engine: EngineLike, count: number) => {
    const texts = Array.from({ length: count }, (_, at) =>
      timed(engine.generate({ prompt: promptOf(16 + at, vocabulary), maxNewTokens: tokens, signal })),
    )
    return Math.min(...(await Promise.all(texts)).map(({ times }) => perToken(times)))
  }
  const engines = { here, apart }
  const found = { here: { one: [], several: [] }, apart: { one: [], several: [] } } as Record<
    keyof typeof engines,
    Record<'one' | 'several', number[]>
  >
  for (let round = 0; round <= rounds; round++) {
    for (const name of ['here', 'apart'] as const) {
      const [one, several] = [await write(engines[name], 1), await write(engines[name], batch)]
      if (round > 0) found[name].one.push(one)
      if (round > 0) found[name].several.push(several)
    }
  }
  const figures = (values: readonly number[]) => ({ best: Math.min(...values), median: median(values) })
  const of = (name: keyof typeof engines): PerToken => ({
    one: figures(found[name].one),
    several: figures(found[name].several),
  })
  const added = (count: 'one' | 'several') => 1000 * (of('apart')[count].best - of('here')[count].best)
  return {
    several: batch,
    here: of('here'),
    apart: of('apart'),
    added_us: { one: added('one'), several: added('several') },
  }
}
