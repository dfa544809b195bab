import { gather, normal, type Tensor } from '../tensor/index.ts'
import type { Scope } from './scope.ts'

/** The table of an embedding, `[vocabulary, width]`. */
export function embeddingTable(scope: Scope, vocabulary: number, width: number, deviation = 0.02): Tensor {
  return scope.parameter('weight', [vocabulary, width], normal(deviation))
}

/**
 * Rows of the embedding table by token.
 *
 * @param ids i64 `[…]`
 * @returns `[…, width]`
 */
export function embedding(
  scope: Scope,
  ids: Tensor,
  options: { vocabulary: number; width: number; deviation?: number },
): Tensor {
  return gather(embeddingTable(scope, options.vocabulary, options.width, options.deviation), ids)
}
