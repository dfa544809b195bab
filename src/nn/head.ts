import { add, divide, matmul, multiply, type Tensor, tanh } from '../tensor/index.ts'

/** The last step of a language model: logits are `softcap(hidden · weightᵀ + bias)`. */
export interface Head {
  /** `[…, D]` */
  readonly hidden: Tensor
  /** `[V, D]`, often the embedding's own table */
  readonly weight: Tensor
  /** `[V]` */
  readonly bias?: Tensor
  /** Logits l become softcap · tanh(l / softcap) (Gemma 2, arXiv:2408.00118). */
  readonly softcap?: number
}

/** The logits of a head, `[…, V]`. */
export function logitsOf({ hidden, weight, bias, softcap }: Head): Tensor {
  const product = matmul(hidden, weight, { transposeB: true })
  const logits = bias ? add(product, bias) : product
  return softcap ? multiply(tanh(divide(logits, softcap)), softcap) : logits
}
