import type { Graph, GraphNode, Tensor } from '../graph.ts'
import { apply, type Operator, type Target } from '../operator.ts'
import { swigluGradientOperator, swigluOperator } from '../ops/activation.ts'
import { linearCrossEntropyGradientOperator, linearCrossEntropyOperator } from '../ops/loss.ts'
import { matmulAddOperator, matmulOperator } from '../ops/matmul.ts'
import { codedOperators } from '../ops/matmul-coded.ts'
import { matmulLoraGradientOperator, matmulLoraOperator } from '../ops/matmul-lora.ts'
import { type MatmulSumAttributes, matmulManyOperator, matmulSumOperator } from '../ops/matmul-many.ts'
import { rmsNormOperator } from '../ops/norm.ts'
import { loweringOf } from './expand.ts'
import { rewrite } from './rewrite.ts'

/** Operators that can write bf16: the kernel that does, and which outputs it gives so. */
const writers: ReadonlyMap<Operator, { readonly kernel: string; readonly outputs: readonly number[] }> = new Map([
  [rmsNormOperator as Operator, { kernel: 'RmsNormBf16', outputs: [0] }],
  [swigluOperator as Operator, { kernel: 'SwiGLUBf16', outputs: [0] }],
  [swigluGradientOperator as Operator, { kernel: 'SwiGLUGradientBf16', outputs: [0, 1] }],
])

/** Operators whose kernels round an input to bf16 before they multiply: which inputs. */
const readers: ReadonlyMap<Operator, (input: number, node: GraphNode) => boolean> = new Map<
  Operator,
  (input: number, node: GraphNode) => boolean
>([
  [matmulOperator as Operator, () => true],
  [matmulAddOperator as Operator, (input) => input < 2],
  [matmulManyOperator as Operator, () => true],
  [
    matmulSumOperator as Operator,
    (input, { attributes }) => input < 2 * (attributes as unknown as MatmulSumAttributes).terms,
  ],
  [codedOperators.nf4 as Operator, (input) => input === 0],
  [codedOperators.int8 as Operator, (input) => input === 0],
  [matmulLoraOperator as Operator, (input) => input === 0],
  // x, and dy of each group of five.
  [matmulLoraGradientOperator as Operator, (input) => input === 0 || input % 5 === 1],
  [linearCrossEntropyOperator as Operator, (input) => input === 0],
  [linearCrossEntropyGradientOperator as Operator, (input) => input === 1],
])

/** What a reader asks of a tensor: its kernel rounds it; it is a product that may; or it needs every bit. */
type Need = 'rounds' | 'may round' | 'exact'

function needOf(node: GraphNode, input: number, target: Target): Need {
  const reads = readers.get(node.operator)?.(input, node) ?? false
  if (!reads || node.attributes.precision !== 'bf16') return 'exact'
  if (loweringOf(node, target) === 'kernel') return 'rounds'
  // A small product that ONNX Runtime computes faster from f32: the kernel takes it where that saves a copy in f32.
  return node.operator === matmulOperator && target.kernels.has('MatMul') ? 'may round' : 'exact'
}

/** The tensors, and views of them, that are read by products in bf16 alone, one of which rounds them in any case. */
function findRounded(graph: Graph, target: Target): ReadonlySet<Tensor> {
  const kept = new Set<Tensor>(graph.outputs)
  const rounded = new Set<Tensor>()
  // Readers come after what they read, so a view is judged before the tensor it shows.
  for (const node of graph.nodes.toReversed()) {
    const [view] = node.operator.name === 'reshape' ? node.outputs : []
    node.inputs.forEach((tensor, input) => {
      const need = view ? undefined : needOf(node, input, target)
      if (need === 'exact' || (view && kept.has(view))) kept.add(tensor)
      if (need === 'rounds' || (view && rounded.has(view))) rounded.add(tensor)
    })
  }
  return new Set(
    graph.nodes.flatMap(({ outputs }) => outputs.filter((tensor) => rounded.has(tensor) && !kept.has(tensor))),
  )
}

/**
 * Keeps in bf16 what only products with bf16 inside read: outputs of norms and of gated activations, and the gradients of
 * these. Where kernels round the operands the results are the same bits, at half the memory and traffic.
 *
 * @param graph in the form that is lowered
 */
export function storeBfloat16(graph: Graph, target: Target): Graph {
  const rounded = findRounded(graph, target)
  return rewrite(graph, (node, inputs) => {
    const writer = writers.get(node.operator)
    if (!writer || !target.kernels.has(writer.kernel) || loweringOf(node, target) !== 'kernel') return undefined
    if (!writer.outputs.every((output) => rounded.has(node.outputs[output] as Tensor))) return undefined
    return apply(node.operator, inputs, { ...node.attributes, stored: 'bf16' })
  })
}
