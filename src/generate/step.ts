import { logitsOf } from '../nn/index.ts'
import type { NDArray } from '../runtime/array.ts'
import { type KeptRun, type Program, targetOf } from '../runtime/program.ts'
import type { Variables } from '../runtime/variables.ts'
import { drawToken, gather, logitSummary, type ProductPhase, reshape } from '../tensor/index.ts'
import { compileFor, type ForwardProgramOptions } from './compile.ts'
import { type EngineModel, scopeOf } from './engine-model.ts'
import { mostAlternatives } from './request.ts'
import type { ScoredToken } from './sampling/scored-token.ts'
import { type CacheSize, slotCache } from './slot-cache.ts'
import {
  drawing,
  inputTypes,
  StepInputs,
  type StepRow,
  type StepSize,
  type StepTensors,
  sizeOf,
} from './step-inputs.ts'

/** What a step computed. Disposed once it is read, before the next step. */
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

/** A run over arrays of its own, for steps of one size. */
interface KeptStep {
  /** What runs it can be taken for. */
  readonly key: string
  readonly inputs: StepInputs
  readonly run: KeptRun
}

/** Prompts and texts take turns. */
const mostKept = 2

/**
 * One step of a model over the cache of an engine: any slots, any number of new tokens in each. B rows, S tokens in the
 * longest, N of them wanted.
 */
export class Step {
  private readonly program: Program

  private readonly kept: KeptStep[] = []

  private readonly vocabulary: number

  private readonly fewest: number

  /** Whether the graph draws tokens. */
  private readonly draws: boolean

  private constructor(program: Program, vocabulary: number, fewest: number, draws: boolean) {
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
    options: ForwardProgramOptions,
  ): Promise<Step> {
    const { model } = loaded
    // Places beyond the model's positions only ever hold what fills up a row.
    const length = Math.min(size.tokens, model.positions)
    // Without the kernel a draw would sort the vocabulary in every step, whoever draws: then it is made of the logits, outside.
    const draws = targetOf(options).kernels.has('DrawToken')
    const program = await compileFor(
      loaded,
      phase,
      draws ? { ...inputTypes, ...drawing } : inputTypes,
      ({ ids, positions, segments, slots, lengths, wanted, draws }: StepTensors) => {
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
    return new Step(program, model.vocabulary, fewestTokens(options), draws)
  }

  /** Runs without blocking the event loop, one step after another. */
  async run(rows: readonly StepRow[]): Promise<StepResult> {
    const size = sizeOf(rows, this.fewest)
    // Logits are a megabyte for a few rows: they leave the session only where someone reads them.
    const isRead = rows.some(({ logits, draw }) => logits || (draw && !this.draws))
    const without = isRead ? [] : [0]
    if (this.program.canKeep) {
      const kept = this.keptFor(size, without)
      kept.inputs.fill(rows)
      return this.resultOf(rows, await kept.run.run(), false)
    }
    using inputs = new StepInputs(size, this.draws)
    inputs.fill(rows)
    return this.resultOf(rows, await this.program.runWithout(without, inputs.arrays), true)
  }

  dispose(): void {
    for (const kept of this.kept.splice(0)) release(kept)
    this.program.dispose()
  }

  /** The arrays and the run for steps of a size. */
  private keptFor(size: StepSize, without: readonly number[]): KeptStep {
    const key = JSON.stringify([size, without])
    const index = this.kept.findIndex((kept) => kept.key === key)
    const known = this.kept[index]
    if (known) {
      // The one used last stays longest.
      this.kept.push(...this.kept.splice(index, 1))
      return known
    }
    const inputs = new StepInputs(size, this.draws)
    const run = this.program.keep(inputs.arrays, without)
    for (const old of this.kept.splice(0, this.kept.length - mostKept + 1)) release(old)
    const kept = { key, inputs, run }
    this.kept.push(kept)
    return kept
  }

  private resultOf(rows: readonly StepRow[], results: readonly unknown[], isOwner: boolean): StepResult {
    const outputs = results as Outputs
    const next = rows
      .flatMap(({ wanted, draw }) => Array.from({ length: wanted }, () => draw !== undefined))
      .map((isDrawn, at) => this.nextToken(outputs, at, isDrawn))
    return {
      next,
      [Symbol.dispose]: () => {
        // The garbage collector sees the arrays' handles, not their memory: it would let many of them pile up.
        if (isOwner) for (const output of outputs) output?.dispose()
      },
    }
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

function release({ inputs, run }: KeptStep): void {
  run.dispose()
  inputs[Symbol.dispose]()
}

/**
 * So many that no token's result depends on how many there are, filled up where it takes that. The kernels' products sum each
 * row alike whatever is beside it. ONNX Runtime's products, and the sums of attention that is spread into its operators, take
 * another path for one row than for several; with several threads its blocks of depth follow the number of rows too, which
 * nothing here can mend.
 */
function fewestTokens(options: ForwardProgramOptions): number {
  const { kernels } = targetOf(options)
  // Attention is spread where products are f16: a kernel would hide them.
  return kernels.has('MatMul') && options.precision !== 'f16' ? 1 : 2
}
