import { R1Error } from '../../errors.ts'
import type { LowRankFactors } from './adapter.ts'

/**
 * Adds an adapter's change to a weight, in place: W + scale · B A.
 *
 * @param weight W, [outputs, inputs], or [inputs, outputs] where the factors say so
 * @param sign −1 takes a merged change out again
 * @throws R1Error 'shape-mismatch'
 * @see https://arxiv.org/abs/2106.09685
 */
export function mergeLowRank(weight: Float32Array, factors: LowRankFactors, sign: 1 | -1 = 1): void {
  const { a, b, rank, inputs, outputs, scale, module, transposed = false } = factors
  if (weight.length !== outputs * inputs || a.length !== rank * inputs || b.length !== outputs * rank) {
    throw new R1Error(
      'shape-mismatch',
      `The adapter of ${module} changes a [${outputs}, ${inputs}] weight, not this one.`,
      {
        remedy: 'Use the model the adapter was trained on.',
      },
    )
  }
  const change = new Float64Array(inputs)
  for (let output = 0; output < outputs; output += 1) {
    change.fill(0)
    for (let index = 0; index < rank; index += 1) {
      const factor = b[output * rank + index] as number
      const row = index * inputs
      for (let input = 0; input < inputs; input += 1)
        change[input] = (change[input] as number) + factor * (a[row + input] as number)
    }
    const [start, step] = transposed ? [output, outputs] : [output * inputs, 1]
    for (let input = 0; input < inputs; input += 1) {
      const at = start + input * step
      weight[at] = (weight[at] as number) + sign * scale * (change[input] as number)
    }
  }
}
