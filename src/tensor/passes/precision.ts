import type { Graph, Tensor } from '../graph.ts'
import { apply } from '../operator.ts'
import { cast } from '../ops/elementwise.ts'
import { rewrite } from './rewrite.ts'

/** How the products of a graph are narrowed. */
export interface NarrowOptions {
  readonly dtype: 'f16' | 'bf16'
  /**
   * False: products are computed in the dtype. True: they are computed in f32 on operands rounded to it; of f16, whose
   * range is small, the results are rounded too, so that what overflows on a device does so here.
   */
  readonly emulate: boolean
}

/** Operators that are products: most of the work, and sums that f16 operands serve well. */
const products: ReadonlySet<string> = new Set(['matmul', 'convolution', 'transposedConvolution'])

/**
 * Mixed precision (Micikevicius et al. 2017, arXiv:1710.03740): products take f16 or bf16 between casts; parameters,
 * norms, reductions, losses and optimisers stay f32.
 *
 * @param graph with composites expanded, so that the products inside attention and losses are seen
 */
export function narrowProducts(graph: Graph, { dtype, emulate }: NarrowOptions): Graph {
  const rounded = (tensor: Tensor): Tensor => cast(cast(tensor, dtype), 'f32')
  return rewrite(graph, ({ operator, attributes, outputs }, inputs) => {
    if (!products.has(operator.name) || outputs[0]?.dtype !== 'f32') return undefined
    const operands = inputs.map((tensor) => (emulate ? rounded(tensor) : cast(tensor, dtype)))
    const [y] = apply(operator, operands, attributes) as readonly [Tensor]
    if (!emulate) return [cast(y, 'f32')]
    return [dtype === 'f16' ? rounded(y) : y]
  })
}
