import { bindModel } from '../../src/models/bind.ts'
import { llama } from '../../src/models/llama.ts'
import { Scope, tokenLogProbabilities } from '../../src/nn/index.ts'
import { NDArray } from '../../src/runtime/array.ts'
import { jit } from '../../src/runtime/jit.ts'
import type { Precision } from '../../src/runtime/precision.ts'
import type { Variables } from '../../src/runtime/variables.ts'
import { broadcastTo, iota, type Tensor } from '../../src/tensor/index.ts'
import { configurationOf, mean } from './plan.ts'
import type { FreshText } from './text.ts'

/** How log-probabilities of the same unseen bytes differ between the precisions, bf16 − f32. */
export interface LogProbabilityGap {
  readonly mean: number
  readonly max: number
  /** Mean of the differences with their sign: a bias would show here. */
  readonly bias: number
}

export async function logProbabilityGap(
  config: string,
  variables: Variables,
  text: FreshText,
  threads: number,
): Promise<LogProbabilityGap> {
  const { model, batch, length } = configurationOf(config)
  const bound = bindModel(llama, model)
  const { ids, targets } = text.take(batch)
  const feeds = {
    ids: NDArray.from(ids, [batch, length], 'i64'),
    targets: NDArray.from(targets, [batch, length], 'i64'),
  }
  const evaluate = async (precision: Precision) => {
    using body = jit(
      (inputs: { ids: Tensor; targets: Tensor }) => {
        const scope = new Scope()
        const positions = broadcastTo(iota(length), inputs.ids.shape)
        const { hidden } = bound.forward(scope, { ids: inputs.ids, positions })
        return tokenLogProbabilities(bound.head(scope, hidden), inputs.targets).logProbability
      },
      { variables, precision, threads },
    )
    return (await body.run(feeds)).toNumbers()
  }
  const [exact, rounded] = [await evaluate('f32'), await evaluate('bf16')]
  const gaps = exact.map((value, index) => (rounded[index] as number) - value)
  const sizes = gaps.map(Math.abs)
  return { mean: mean(sizes), max: sizes.reduce((most, size) => Math.max(most, size), 0), bias: mean(gaps) }
}
