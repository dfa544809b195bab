import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { reachableNodes } from '../graph.ts'
import { reapply, type Target } from '../operator.ts'
import { rewrite } from './rewrite.ts'

/** How a node becomes ONNX on a target. */
export type Lowering = 'kernel' | 'stock' | 'composite'

/** The first form of an operator that fits the target: native kernel, stock nodes, composite. */
export function loweringOf({ operator, inputs, attributes }: GraphNode, target: Target): Lowering {
  const { kernel } = operator
  const offered = kernel && target.kernels.has(kernel.operator)
  if (offered && (kernel.supports?.(inputs, attributes, target) ?? true)) return 'kernel'
  if (operator.lower && (operator.supports?.(inputs, attributes, target) ?? true)) return 'stock'
  return 'composite'
}

/** Replaces every operator that has neither kernel nor stock form on the target by its composite. */
export function expandComposites(graph: Graph, target: Target): Graph {
  return rewrite(graph, (node, inputs) => expand(node, inputs, target))
}

function expand(node: GraphNode, inputs: readonly Tensor[], target: Target): readonly Tensor[] {
  const [first, ...rest] = reapply(node, inputs)
  const copy = first?.node ?? node
  if (loweringOf(copy, target) !== 'composite') return first ? [first, ...rest] : []
  const outputs = node.operator.composite?.(inputs, node.attributes)
  if (!outputs) return first ? [first, ...rest] : []
  const mapped = new Map<Tensor, Tensor>(inputs.map((tensor) => [tensor, tensor]))
  for (const inner of reachableNodes(outputs, copy.id)) {
    const expanded = expand(
      inner,
      inner.inputs.map((tensor) => mapped.get(tensor) ?? tensor),
      target,
    )
    for (const [index, output] of inner.outputs.entries()) mapped.set(output, expanded[index] as Tensor)
  }
  return outputs.map((output) => mapped.get(output) ?? output)
}
