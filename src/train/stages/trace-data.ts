import { z } from 'zod'
import {
  type Component,
  type DataRecord,
  type Json,
  MixedStream,
  RepeatedStream,
  StateReader,
  Stream,
} from '../../data/index.ts'
import type { Environment, Split, Trace } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import { environmentSchema, openEnvironment } from './environment-option.ts'

const sharedSchema = z.strictObject({
  environment: environmentSchema,
  share: z.number().positive().default(1).describe('Share of the traces, relative to the others.'),
})

/** Environments whose solved problems are learnt. */
export const tracesSchema = z
  .array(z.union([sharedSchema, environmentSchema.transform((environment) => ({ environment, share: 1 }))]))
  .min(1)
  .describe('Instead of data: solved problems of these environments, mixed: names, or { environment, share }.')

export type TraceOptions = z.output<typeof tracesSchema>

/** A trace as a record: a prompt with its completion, or a conversation. */
function recordOf({ prompt, completion }: Trace, source: string, at: number): DataRecord {
  const fields =
    typeof prompt === 'string'
      ? { prompt, completion, text: prompt + completion }
      : { messages: [...prompt, { role: 'assistant', content: completion }] }
  return { id: `${source}:${at}`, source, fields }
}

/** The traces of an environment's split, each made when it is asked for. */
class TraceStream extends Stream<DataRecord> {
  private readonly environment: Environment
  private readonly split: Split
  private readonly seed: number
  private iterator: Iterator<Trace> | AsyncIterator<Trace> | undefined
  private given = 0

  constructor(environment: Environment, split: Split, seed: number) {
    super()
    this.environment = environment
    this.split = split
    this.seed = seed
  }

  async next(): Promise<DataRecord | undefined> {
    this.iterator ??= this.open()
    const { done, value } = await this.iterator.next()
    return done ? undefined : recordOf(value, this.environment.name, this.given++)
  }

  state(): Json {
    return { given: this.given }
  }

  async restore(state: Json): Promise<void> {
    const wanted = new StateReader('traces', state).count('given')
    this.iterator = undefined
    this.given = 0
    while (this.given < wanted) await this.next()
  }

  /** @throws R1Error `no-traces` */
  private open(): Iterator<Trace> | AsyncIterator<Trace> {
    const traces = this.environment.traces?.(this.split, this.seed)
    if (traces) return Symbol.asyncIterator in traces ? traces[Symbol.asyncIterator]() : traces[Symbol.iterator]()
    throw new R1Error('no-traces', `The environment ${this.environment.name} solves no problems itself.`, {
      remedy: 'Give its problems with solutions as data, or an environment that has `traces`.',
    })
  }
}

/**
 * Solved problems of several environments in one stream, each with its share.
 *
 * @throws R1Error as `loadEnvironment`
 */
export async function traceRecords(
  options: TraceOptions,
  base: string,
  split: Split,
  seed: number,
): Promise<Stream<DataRecord>> {
  const components = await Promise.all(
    options.map(async ({ environment, share }): Promise<Component<DataRecord>> => {
      const opened = await openEnvironment(environment, base)
      const traces = new TraceStream(opened, split, seed)
      // Those to learn from come again where an environment has only so many.
      return { stream: split === 'train' ? new RepeatedStream(traces) : traces, share }
    }),
  )
  return new MixedStream(components)
}

/** Makes a trace of each environment. @throws R1Error where one cannot */
export async function checkTraces(options: TraceOptions, base: string, seed: number): Promise<void> {
  for (const one of options) {
    const stream = await traceRecords([one], base, 'train', seed)
    await stream.next().finally(() => stream.close())
  }
}

/** One of data and environments, not both. */
export const oneSource = {
  test: ({ data, environments }: { readonly data?: unknown; readonly environments?: unknown }) =>
    (data === undefined) !== (environments === undefined),
  message: 'must have either data or environments',
} as const
