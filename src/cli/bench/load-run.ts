import { openCheckpoint } from '../../checkpoint/open.ts'
import { loadModel } from '../../models/load.ts'
import { logitsOf, Scope } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { argMax, slice, type Tensor } from '../../tensor/index.ts'
import { peakMemoryMb, promptOf } from './measure.ts'

/** What loading a model took, of one process. */
export interface LoadRow {
  /** From the first call into the library to the first token's logits. */
  readonly first_logits_ms: number
  /** Of that, until the weights were in memory. */
  readonly load_ms: number
  /** From the start of the process, so with Node and its modules. */
  readonly process_ms: number
  readonly peak_rss_mb: number
  /** Memory of the process with its modules, before anything was opened. */
  readonly idle_rss_mb: number
  readonly next_token: number
}

/** Loads a model into f32 and computes the logits after a prompt, in this process. */
export async function measureLoad(
  path: string,
  { promptLength, threads }: { readonly promptLength: number; readonly threads: number },
): Promise<LoadRow & { readonly weights_mb: number; readonly vocabulary: number }> {
  const idle = peakMemoryMb()
  const started = performance.now()
  await using checkpoint = await openCheckpoint(path)
  const { model, variables } = await loadModel(checkpoint)
  const loaded = performance.now()
  using step = jit(
    ({ ids, positions }: { readonly ids: Tensor; readonly positions: Tensor }) => {
      const scope = new Scope()
      const { hidden } = model.forward(scope, { ids, positions })
      const last = slice(hidden, { 1: { start: -1 } })
      const logits = logitsOf(model.head(scope, last))
      return { logits, best: argMax(logits) }
    },
    { variables, threads },
  )
  const row = (values: readonly number[]) => NDArray.from(values.map(BigInt), [1, values.length], 'i64')
  const prompt = promptOf(promptLength, model.vocabulary)
  const { best } = await step.run({ ids: row(prompt), positions: row([...prompt.keys()]) })
  const ended = performance.now()
  const elements = variables.names.reduce((sum, name) => sum + (variables.get(name)?.size ?? 0), 0)
  return {
    first_logits_ms: ended - started,
    load_ms: loaded - started,
    process_ms: ended,
    peak_rss_mb: peakMemoryMb(),
    idle_rss_mb: idle,
    next_token: best.toNumbers()[0] as number,
    weights_mb: (elements * 4) / 1e6,
    vocabulary: model.vocabulary,
  }
}
