import type { Model } from '../models/index.ts'
import { logitsOf, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { Program, type ProgramOptions } from '../runtime/program.ts'
import type { Variables } from '../runtime/variables.ts'
import { gather, reshape, type TracedTree, trace } from '../tensor/index.ts'
import { type CacheSize, slotCache } from './slot-cache.ts'

/** The next tokens of one slot. */
export interface StepRow {
  readonly slot: number
  /** Tokens of the slot that are in the cache already. */
  readonly past: number
  /** What comes next; at least one. */
  readonly tokens: readonly number[]
  /** For how many tokens, counted from the last one, logits are wanted. */
  readonly wanted: number
}

/** Logits of the wanted tokens, in the order of the rows. Disposed once they are read. */
export interface StepResult extends Disposable {
  /** `[N, V]` */
  readonly logits: Float32Array
}

const matrix = { dtype: 'i64', shape: ['batch', 'time'] } as const
const column = { dtype: 'i64', shape: ['batch'] } as const

/** What a step is told, besides the variables. */
const inputTypes = {
  ids: matrix,
  positions: matrix,
  segments: matrix,
  slots: column,
  lengths: column,
  wanted: { dtype: 'i64', shape: ['rows'] },
} as const

/**
 * One step of a model over the cache of an engine: any slots, any number of new tokens in each. B rows, S tokens in the
 * longest, N of them wanted.
 */
export class Step {
  private readonly program: Program

  private readonly vocabulary: number

  private constructor(program: Program, vocabulary: number) {
    this.program = program
    this.vocabulary = vocabulary
  }

  /** @param variables weights of the model, and the buffers of the cache */
  static async compile(model: Model, variables: Variables, size: CacheSize, options: ProgramOptions): Promise<Step> {
    // Places beyond the model's positions only ever hold what fills up a row.
    const length = Math.min(size.tokens, model.positions)
    const { graph } = trace(({ ids, positions, segments, slots, lengths, wanted }: TracedTree<typeof inputTypes>) => {
      const scope = new Scope()
      const { cache, keep } = slotCache(model, size, slots, lengths)
      const { hidden, cache: after } = model.forward(scope, { ids, positions, segments, cache }, { length })
      if (after) keep(after)
      return logitsOf(model.head(scope, gather(reshape(hidden, [-1, model.width]), wanted)))
    }, inputTypes)
    return new Step(await Program.compile(graph, variables, options), model.vocabulary)
  }

  /** Runs without blocking the event loop. */
  async run(rows: readonly StepRow[]): Promise<StepResult> {
    const inputs = arraysOf(rows)
    try {
      const [output] = await this.program.run(inputs)
      const count = rows.reduce((sum, { wanted }) => sum + wanted, 0)
      const logits = (output as NDArray<'f32'>).data.subarray(0, count * this.vocabulary)
      return { logits, [Symbol.dispose]: () => output?.dispose() }
    } finally {
      // The garbage collector sees the arrays' handles, not their memory: it would let many of them pile up.
      for (const array of inputs) array.dispose()
    }
  }

  dispose(): void {
    this.program.dispose()
  }
}

function arraysOf(rows: readonly StepRow[]): NDArray[] {
  const batch = rows.length
  // A product with one row takes another path than one with several, and its last bits differ.
  const time = rows.reduce((longest, { tokens }) => Math.max(longest, tokens.length), 2)
  const matrix = () => new BigInt64Array(batch * time)
  const [ids, positions, segments] = [matrix(), matrix(), matrix().fill(-1n)]
  const wanted: bigint[] = []
  for (const [row, { tokens, past, wanted: count }] of rows.entries()) {
    for (const [at, token] of tokens.entries()) {
      const place = row * time + at
      ids[place] = BigInt(token)
      positions[place] = BigInt(past + at)
      segments[place] = 0n
    }
    for (let at = tokens.length - count; at < tokens.length; at++) wanted.push(BigInt(row * time + at))
  }
  // The head is such a product, too.
  if (wanted.length === 1) wanted.push(wanted[0] as bigint)
  const column = (of: (row: StepRow) => number) =>
    NDArray.from(
      BigInt64Array.from(rows, (row) => BigInt(of(row))),
      [batch],
      'i64',
    )
  return [
    ...[ids, positions, segments].map((values) => NDArray.from(values, [batch, time], 'i64')),
    column(({ slot }) => slot),
    column(({ past }) => past),
    NDArray.from(wanted, [wanted.length], 'i64'),
  ]
}
