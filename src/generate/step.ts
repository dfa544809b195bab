import { logitsOf } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { type Program, type ProgramOptions, targetOf } from '../runtime/program.ts'
import type { Variables } from '../runtime/variables.ts'
import { type Graph, gather, logitSummary, type ProductPhase, reshape } from '../tensor/index.ts'
import { compileFor } from './compile.ts'
import { type EngineModel, scopeOf } from './engine-model.ts'
import { type CacheSize, slotCache } from './slot-cache.ts'

/** The next tokens of one slot. */
export interface StepRow {
  readonly slot: number
  /** Tokens of the slot that are in the cache already. */
  readonly past: number
  /** What comes next; at least one. */
  readonly tokens: readonly number[]
  /** For how many tokens, counted from the last one, it is wanted what follows. */
  readonly wanted: number
  /** Whether that takes all logits, and not the most likely token alone. */
  readonly logits: boolean
}

/** What a step computed. Disposed once it is read. */
export interface StepResult extends Disposable {
  /** What follows the wanted tokens, in the order of the rows. */
  readonly next: readonly NextToken[]
}

/** What the model says of the token after one place. */
export interface NextToken {
  /** `[V]`, where some row of the step asked for them */
  readonly logits: Float32Array | undefined
  /** The most likely token, the first of equals. */
  readonly best: number
  /** The logit of the most likely token. */
  readonly bestLogit: number
  /** ln Σ exp of the logits; not finite where they are no usable numbers. */
  readonly logSumExp: number
}

type Outputs = [NDArray<'f32'> | undefined, NDArray<'i64'>, NDArray<'f32'>, NDArray<'f32'>]

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

  /** Fewest rows of a product. */
  private readonly fewest: number

  private constructor(program: Program, vocabulary: number, fewest: number) {
    this.program = program
    this.vocabulary = vocabulary
    this.fewest = fewest
  }

  /**
   * @param variables weights of the model, and the buffers of the cache
   * @param phase what the step is for: products of packed weights are computed by it, never by the number of rows
   */
  static async compile(
    loaded: EngineModel,
    variables: Variables,
    size: CacheSize,
    phase: ProductPhase,
    options: ProgramOptions,
  ): Promise<Step> {
    const { model } = loaded
    // Places beyond the model's positions only ever hold what fills up a row.
    const length = Math.min(size.tokens, model.positions)
    const { graph, program } = await compileFor(
      loaded,
      phase,
      inputTypes,
      ({ ids, positions, segments, slots, lengths, wanted }) => {
        const scope = scopeOf(loaded)
        const { cache, keep } = slotCache(model, size, slots, lengths)
        const { hidden, cache: after } = model.forward(scope, { ids, positions, segments, cache }, { length })
        if (after) keep(after)
        const logits = logitsOf(model.head(scope, gather(reshape(hidden, [-1, model.width]), wanted)))
        const { values, tokens, logSumExp } = logitSummary(logits, 1)
        return [logits, tokens, values, logSumExp]
      },
      options,
      variables,
    )
    const fewest = rowsAreAlone(graph, options) ? 1 : 2
    return new Step(program, model.vocabulary, fewest)
  }

  /** Runs without blocking the event loop. */
  async run(rows: readonly StepRow[]): Promise<StepResult> {
    const inputs = arraysOf(rows, this.fewest)
    try {
      // Logits are a megabyte for a few rows: they leave the session only where someone reads them.
      const outputs = await this.program.runWithout(rows.some(({ logits }) => logits) ? [] : [0], inputs)
      const [logits, tokens, largest, sums] = outputs as Outputs
      const next = Array.from({ length: rows.reduce((sum, { wanted }) => sum + wanted, 0) }, (_, at) => ({
        logits: logits?.data.subarray(at * this.vocabulary, (at + 1) * this.vocabulary),
        best: Number(tokens.data[at]),
        bestLogit: largest.data[at] as number,
        logSumExp: sums.data[at] as number,
      }))
      return {
        next,
        [Symbol.dispose]: () => {
          for (const output of outputs) output?.dispose()
        },
      }
    } finally {
      // The garbage collector sees the arrays' handles, not their memory: it would let many of them pile up.
      for (const array of inputs) array.dispose()
    }
  }

  dispose(): void {
    this.program.dispose()
  }
}

/**
 * Whether a row's result never depends on how many there are. ONNX Runtime's products and ours of f32 take another path for
 * one row alone than for several, and its last bits differ; packed weights and attention over a cache in one kernel do not.
 */
function rowsAreAlone({ nodes }: Graph, options: ProgramOptions): boolean {
  const { kernels } = targetOf(options)
  const alone = new Set(['cachedAttention', 'matmulQuantised'])
  const isAlone = ['CachedAttention', 'MatMulQuantised'].every((name) => kernels.has(name))
  return isAlone && !nodes.some(({ operator: { name } }) => !alone.has(name) && /matmul|einsum|attention$/i.test(name))
}

function arraysOf(rows: readonly StepRow[], fewest: number): NDArray[] {
  const batch = rows.length
  const time = rows.reduce((longest, { tokens }) => Math.max(longest, tokens.length), fewest)
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
  while (wanted.length < fewest) wanted.push(wanted[0] as bigint)
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
