import type { Graph, Tensor } from '../graph.ts'
import { createNode } from '../graph.ts'
import { reapply } from '../operator.ts'
import {
  decodeStock,
  gatherStockQuantised,
  matmulStockQuantised,
  type StockMatrix,
  stockBlock,
} from '../ops/matmul-stock-quantised.ts'
import type { TensorType } from '../shape.ts'
import { inputOperator } from '../trace.ts'
import { takesPacked } from './quantise-readers.ts'
import { type QuantisedVariables, type StoredMatrix, stockNames } from './quantise-stored.ts'
import { rewrite } from './rewrite.ts'

/** A variable whose value is part of the compiled program. */
function frozenVariable(name: string, type: TensorType): Tensor {
  const attributes = { name, variable: true, kind: 'zeros', frozen: true }
  return createNode(inputOperator, [], attributes, [type], undefined).outputs[0] as Tensor
}

function matrixOf(name: string, { rows, columns, stock }: StoredMatrix): StockMatrix {
  const { bits, offsets } = stock as NonNullable<StoredMatrix['stock']>
  const blocks = [rows, columns / stockBlock]
  const names = stockNames(name)
  return {
    codes: frozenVariable(names.codes, { dtype: 'u8', shape: [...blocks, 4 * bits] }),
    scales: frozenVariable(names.scales, { dtype: 'f32', shape: blocks }),
    offsets: offsets ? frozenVariable(names.offsets, { dtype: 'f32', shape: blocks }) : undefined,
    bits,
  }
}

/**
 * Computes products by variables that are kept as codes for ONNX Runtime's own operator, and takes rows of an embedding from
 * the same codes. Anything else that reads such a variable gets its numbers.
 */
export function useStockProducts(graph: Graph, stored: QuantisedVariables): Graph {
  const matrices = new Map<Tensor, StockMatrix>()
  for (const variable of graph.inputs) {
    const name = String(variable.node.attributes.name)
    const shape = variable.node.attributes.variable ? stored.get(name) : undefined
    if (shape?.stock) matrices.set(variable, matrixOf(name, shape))
  }
  const numbers = (tensor: Tensor): Tensor => {
    const matrix = matrices.get(tensor)
    return matrix ? decodeStock(matrix) : tensor
  }
  const rewritten = rewrite(graph, (node, inputs) => {
    const [first, second] = inputs as readonly [Tensor, Tensor]
    const [table, weight] = [matrices.get(first), matrices.get(second)]
    if (weight && takesPacked(node, 1)) return [matmulStockQuantised(first, weight)]
    if (table && takesPacked(node, 0)) return [gatherStockQuantised(table, second)]
    return inputs.some((tensor) => matrices.has(tensor)) ? reapply(node, inputs.map(numbers)) : undefined
  })
  const inputs = rewritten.inputs.flatMap((tensor) => {
    const matrix = matrices.get(tensor)
    if (!matrix) return [tensor]
    return [matrix.codes, matrix.scales, ...(matrix.offsets ? [matrix.offsets] : [])]
  })
  return { ...rewritten, inputs }
}
