import type { Tensor } from '../graph.ts'
import { cast } from './elementwise.ts'

/** In what the results of an operator are kept where that is not their own dtype: the pass `storeBfloat16` asks for it. */
export type Stored = 'bf16'

/** A result in the dtype it is kept in. */
export function inStorage(tensor: Tensor, stored: Stored | undefined): Tensor {
  return stored ? cast(tensor, stored) : tensor
}
