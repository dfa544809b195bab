import type { Graph } from '../graph.ts'
import type { Target } from '../operator.ts'
import { expandComposites } from './expand.ts'
import { foldConstants } from './fold.ts'
import { fuseAdditions } from './fuse.ts'
import { mergeCommon } from './merge.ts'
import { mergeProducts } from './merge-products.ts'
import { shareHead } from './share-head.ts'
import { storeBfloat16 } from './store-bfloat16.ts'

export { useBfloat16 } from './bfloat16.ts'
export { expandComposites, type Lowering, loweringOf } from './expand.ts'
export { foldConstants } from './fold.ts'
export { mergeCommon } from './merge.ts'
export { type NarrowOptions, narrowProducts } from './precision.ts'
export { quantiseProducts } from './quantise.ts'
export { expertStacks, quantisableVariables } from './quantise-readers.ts'
export {
  type QuantisedVariables,
  type StackPlace,
  type StockForm,
  type StoredMatrix,
  stockNames,
} from './quantise-stored.ts'
export { type Pass, rewrite } from './rewrite.ts'

/** All that is done to a graph before it is lowered for a target; dead code falls away in each step. */
export function optimize(graph: Graph, target: Target): Graph {
  const merged = mergeCommon(foldConstants(mergeCommon(expandComposites(foldConstants(graph), target))))
  if (target.kernels.size === 0) return merged
  const fused = mergeCommon(fuseAdditions(mergeProducts(shareHead(merged, target), target), target))
  return storeBfloat16(fused, target)
}
