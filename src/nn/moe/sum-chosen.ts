import { add, split, type Tensor } from '../../tensor/index.ts'

/**
 * Sums over each token's experts, in their order. ONNX Runtime's own sum takes another order for few tokens, and by where a
 * token stands: a text's last bits would depend on what is beside it.
 *
 * @param x `[T, k, …]`
 * @returns `[T, 1, …]`
 */
export function sumChosen(x: Tensor): Tensor {
  const parts = split(x, new Array<number>(Number(x.shape[1])).fill(1), 1)
  return parts.reduce((sum, part) => add(sum, part))
}
