import {
  add,
  type CodedMatrix,
  decodeMatrix,
  matmul,
  matmulCoded,
  matmulLora,
  normal,
  type Tensor,
  transpose,
  uniform,
  zeros,
} from '../tensor/index.ts'
import type { Scope } from './scope.ts'

export interface LinearOptions {
  readonly inputs: number
  readonly outputs: number
  readonly bias?: boolean
  /** The weight is `[inputs, outputs]`, as GPT-2 keeps it. */
  readonly transposed?: boolean
  /** Standard deviation of the initial weights. */
  readonly deviation?: number
}

/** The two matrices of a low-rank adapter and the factor of their product. */
interface Adapter {
  readonly a: Tensor
  readonly b: Tensor
  readonly alpha: number
}

/** Rows and columns of the weight as it is kept. */
const extentsOf = ({ inputs, outputs, transposed }: LinearOptions): [number, number] =>
  transposed ? [inputs, outputs] : [outputs, inputs]

function weightOf(scope: Scope, options: LinearOptions): Tensor {
  return scope.parameter('weight', extentsOf(options), normal(options.deviation ?? 0.02))
}

/** The frozen weight under an adapter, where the scope stores it as codes. */
function codedWeightOf(scope: Scope, options: LinearOptions): CodedMatrix | undefined {
  const format = scope.options.adapter?.base
  return format && scope.coded('weight', extentsOf(options), format)
}

function adapterOf(scope: Scope, { inputs, outputs }: LinearOptions): Adapter | undefined {
  const { adapter } = scope.options
  if (!adapter?.accepts(scope.join('weight').replace(/\.weight$/, ''))) return undefined
  return {
    a: scope.parameter('lora_A.weight', [adapter.rank, inputs], uniform(1 / Math.sqrt(inputs))),
    b: scope.parameter('lora_B.weight', [outputs, adapter.rank], zeros),
    alpha: adapter.alpha / adapter.rank,
  }
}

function product(scope: Scope, x: Tensor, options: LinearOptions): Tensor {
  const { transposed = false } = options
  const adapter = adapterOf(scope, options)
  if (!adapter) return matmul(x, weightOf(scope, options), { transposeB: !transposed })
  const { a, b, alpha } = adapter
  const adapted = () => matmul(matmul(x, a, { transposeB: true, alpha }), b, { transposeB: true })
  const coded = codedWeightOf(scope, options)
  if (coded) return matmulCoded(x, coded, { added: adapted(), transposed })
  const weight = weightOf(scope, options)
  return transposed ? add(matmul(x, weight), adapted()) : matmulLora(x, weight, { down: a, up: b, scale: alpha })
}

/**
 * `x · Wᵀ (+ b)`, with a low-rank adapter `x · Aᵀ · Bᵀ · alpha/rank` (LoRA, Hu et al. 2021, arXiv:2106.09685) where the
 * scope has one for this layer. The weight under an adapter may be stored as codes (QLoRA, Dettmers et al. 2023,
 * arXiv:2305.14314).
 *
 * @param scope holds `weight` `[outputs, inputs]`, `bias` `[outputs]`, `lora_A.weight` `[rank, inputs]` and `lora_B.weight` `[outputs, rank]`
 * @param x `[…, inputs]`
 * @returns `[…, outputs]`
 */
export function linear(scope: Scope, x: Tensor, options: LinearOptions): Tensor {
  const y = product(scope, x, options)
  return options.bias ? add(y, scope.parameter('bias', [options.outputs], zeros)) : y
}

/** The matrix `[outputs, inputs]` by which `linear` multiplies, its adapter included: for layers that take it apart. */
export function linearMatrix(scope: Scope, options: LinearOptions): Tensor {
  const adapter = adapterOf(scope, options)
  const coded = adapter && codedWeightOf(scope, options)
  const weight = coded ? decodeMatrix(coded) : weightOf(scope, options)
  const matrix = options.transposed ? transpose(weight) : weight
  return adapter ? add(matrix, matmul(adapter.b, adapter.a, { alpha: adapter.alpha })) : matrix
}
