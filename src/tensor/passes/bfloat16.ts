import type { Graph } from '../graph.ts'
import { reapply } from '../operator.ts'
import { rewrite } from './rewrite.ts'

/**
 * Lets every operator that is a product of f32 matrices round its operands to bfloat16 (the attribute `precision` says
 * that it is one); sums, parameters and everything else stay f32.
 * A machine without a bf16 kernel computes these products in f32.
 */
export function useBfloat16(graph: Graph): Graph {
  return rewrite(graph, (node, inputs) =>
    node.attributes.precision === 'f32' && inputs[0]?.dtype === 'f32'
      ? reapply({ ...node, attributes: { ...node.attributes, precision: 'bf16' } }, inputs)
      : undefined,
  )
}
