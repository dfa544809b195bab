import type { Graph } from '../graph.ts'
import { applyOne } from '../operator.ts'
import { type MatmulAttributes, matmulOperator } from '../ops/matmul.ts'
import { rewrite } from './rewrite.ts'

/**
 * Lets every matrix product of f32 operands round them to bfloat16; sums, parameters and everything else stay f32.
 * A machine without a bf16 kernel computes these products in f32.
 */
export function useBfloat16(graph: Graph): Graph {
  return rewrite(graph, ({ operator, attributes }, inputs) =>
    operator === matmulOperator && inputs[0]?.dtype === 'f32'
      ? [applyOne(matmulOperator, inputs, { ...(attributes as MatmulAttributes), precision: 'bf16' })]
      : undefined,
  )
}
