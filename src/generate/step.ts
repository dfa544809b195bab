import { logitsOf } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { type Program, type ProgramOptions, targetOf } from '../runtime/program.ts'
import type { Variables } from '../runtime/variables.ts'
import {
  drawSettings,
  drawToken,
  type Graph,
  gather,
  logitSummary,
  type ProductPhase,
  reshape,
  type TracedTree,
} from '../tensor/index.ts'
import { compileFor } from './compile.ts'
import { type EngineModel, scopeOf } from './engine-model.ts'
import { mostAlternatives } from './request.ts'
import type { SamplingOptions } from './sampling/options.ts'
import { roundedDown } from './sampling/rounded-down.ts'
import type { ScoredToken } from './sampling/scored-token.ts'
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
  /** Whether that takes all logits, and not the most likely tokens alone. */
  readonly logits: boolean
  /** How the tokens that follow are drawn, where they are; without it the most likely ones are taken. */
  readonly draw?: TokenDraw | undefined
}

/** How what follows the wanted tokens of a row is drawn. */
export interface TokenDraw {
  readonly sampling: SamplingOptions
  /** A random number in (0, 1) for each wanted token. */
  readonly uniforms: readonly number[]
}

/** What a step computed. Disposed once it is read. */
export interface StepResult extends Disposable {
  /** What follows the wanted tokens, in the order of the rows. */
  readonly next: readonly NextToken[]
}

/** What the model says of the token after one place. */
export interface NextToken {
  /** `[V]`, where some row of the step asked for them, or a token is to be drawn and was not */
  readonly logits: Float32Array | undefined
  /** The token that was drawn as the row says, where kernels draw, and its logit. */
  readonly drawn: number | undefined
  readonly drawnLogit: number | undefined
  /** The most likely tokens, at most {@link mostAlternatives}, the best first, with their log-probabilities. */
  likely(count: number): ScoredToken[]
  /** The most likely token, the first of equals. */
  readonly best: number
  /** The logit of the most likely token. */
  readonly bestLogit: number
  /** ln Σ exp of the logits; not finite where they are no usable numbers. */
  readonly logSumExp: number
}

/** Logits, the most likely tokens with theirs, log-sum-exp; drawn tokens with theirs. */
type Outputs = [
  NDArray<'f32'> | undefined,
  NDArray<'i64'>,
  NDArray<'f32'>,
  NDArray<'f32'>,
  NDArray<'i64'> | undefined,
  NDArray<'f32'> | undefined,
]

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

/** How each wanted token is drawn, as `drawToken` reads it. */
const drawing = { draws: { dtype: 'f32', shape: ['rows', drawSettings] } } as const

type StepInputs = TracedTree<typeof inputTypes> & Partial<TracedTree<typeof drawing>>

/**
 * One step of a model over the cache of an engine: any slots, any number of new tokens in each. B rows, S tokens in the
 * longest, N of them wanted.
 */
export class Step {
  private readonly program: Program

  private readonly vocabulary: number

  private readonly fewest: FewestTokens

  /** Whether the graph draws tokens. */
  private readonly draws: boolean

  private constructor(program: Program, vocabulary: number, fewest: FewestTokens, draws: boolean) {
    this.program = program
    this.vocabulary = vocabulary
    this.fewest = fewest
    this.draws = draws
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
    // Without the kernel a draw would sort the vocabulary in every step, whoever draws: then it is made of the logits, outside.
    const draws = targetOf(options).kernels.has('DrawToken')
    const { graph, program } = await compileFor(
      loaded,
      phase,
      draws ? { ...inputTypes, ...drawing } : inputTypes,
      ({ ids, positions, segments, slots, lengths, wanted, draws }: StepInputs) => {
        const scope = scopeOf(loaded)
        const { cache, keep } = slotCache(model, size, slots, lengths)
        const { hidden, cache: after } = model.forward(scope, { ids, positions, segments, cache }, { length })
        if (after) keep(after)
        const logits = logitsOf(model.head(scope, gather(reshape(hidden, [-1, model.width]), wanted)))
        const { values, tokens, logSumExp } = logitSummary(logits, Math.min(mostAlternatives, model.vocabulary))
        const drawn = draws && drawToken(logits, draws)
        return [logits, tokens, values, logSumExp, ...(drawn ? [drawn.tokens, drawn.values] : [])]
      },
      options,
      variables,
    )
    return new Step(program, model.vocabulary, fewestTokens(graph, options), draws)
  }

  /** Runs without blocking the event loop. */
  async run(rows: readonly StepRow[]): Promise<StepResult> {
    const inputs = arraysOf(rows, this.fewest, this.draws)
    try {
      // Logits are a megabyte for a few rows: they leave the session only where someone reads them.
      const isRead = rows.some(({ logits, draw }) => logits || (draw && !this.draws))
      const outputs = (await this.program.runWithout(isRead ? [] : [0], inputs)) as Outputs
      const next = rows
        .flatMap(({ wanted, draw }) => Array.from({ length: wanted }, () => draw !== undefined))
        .map((isDrawn, at) => this.nextToken(outputs, at, isDrawn))
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

  private nextToken(
    [logits, tokens, values, sums, drawn, drawnValues]: Outputs,
    at: number,
    isDrawn: boolean,
  ): NextToken {
    const count = tokens.shape.at(-1) as number
    const logSumExp = sums.data[at] as number
    const likely = (from: number) => ({
      id: Number(tokens.data[at * count + from]),
      logit: values.data[at * count + from] as number,
    })
    const best = likely(0)
    return {
      logits: logits?.data.subarray(at * this.vocabulary, (at + 1) * this.vocabulary),
      drawn: isDrawn && drawn ? Number(drawn.data[at]) : undefined,
      drawnLogit: isDrawn ? drawnValues?.data[at] : undefined,
      likely: (wanted) =>
        Array.from({ length: Math.min(wanted, count) }, (_, from) => {
          const { id, logit } = likely(from)
          return { id, logProbability: logit - logSumExp }
        }),
      best: best.id,
      bestLogit: best.logit,
      logSumExp,
    }
  }
}

/** Fewest tokens that a step is filled up to. */
interface FewestTokens {
  readonly inRow: number
  readonly inAll: number
}

/**
 * So many that no token's result depends on how many there are. ONNX Runtime's products and ours of f32 take another path for
 * one row alone than for several, and its last bits differ; packed weights and attention over a cache in one kernel do not.
 * The rows of a product with a matrix are the tokens of all slots; other products, and attention without a kernel, are made
 * for each slot.
 */
function fewestTokens({ nodes }: Graph, options: ProgramOptions): FewestTokens {
  const { kernels } = targetOf(options)
  const alone: Readonly<Record<string, string>> = {
    cachedAttention: 'CachedAttention',
    cachedLatentAttention: 'CachedLatentAttention',
    matmulQuantised: 'MatMulQuantised',
  }
  const products = nodes.filter(({ operator: { name } }) => {
    const kernel = alone[name]
    return /matmul|einsum|attention$/i.test(name) && !(kernel && kernels.has(kernel))
  })
  if (products.length === 0) return { inRow: 1, inAll: 1 }
  const isOfAll = products.every(({ operator: { name }, inputs }) => /matmul/i.test(name) && inputs[0]?.rank === 2)
  return { inRow: isOfAll ? 1 : 2, inAll: 2 }
}

function arraysOf(rows: readonly StepRow[], fewest: FewestTokens, draws: boolean): NDArray[] {
  const batch = rows.length
  const filled = Math.max(fewest.inRow, batch === 1 ? fewest.inAll : 1)
  const time = rows.reduce((longest, { tokens }) => Math.max(longest, tokens.length), filled)
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
  while (wanted.length < fewest.inAll) wanted.push(wanted[0] as bigint)
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
    ...(draws ? [settingsOf(rows, wanted.length)] : []),
  ]
}

/** `[N, 5]`; what nobody draws costs nothing at temperature 0. */
function settingsOf(rows: readonly StepRow[], count: number): NDArray<'f32'> {
  const settings = new Float32Array(count * drawSettings)
  let at = 0
  for (const { wanted, draw } of rows) {
    for (const [index, uniform] of (draw?.uniforms ?? []).entries()) {
      const { temperature = 0, topK = 0, topP = 1, minP = 0 } = draw?.sampling ?? {}
      settings.set([temperature, topK, roundedDown(topP), minP, uniform], (at + index) * drawSettings)
    }
    at += wanted
  }
  return NDArray.from(settings, [count, drawSettings], 'f32')
}
