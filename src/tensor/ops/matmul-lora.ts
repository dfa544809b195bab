import type { Dimension } from '../dimension.ts'
import { type DType, isFloating } from '../dtype.ts'
import { dtypeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator, type Operator } from '../operator.ts'
import { formatShape, formatType, sameShape, type TensorType } from '../shape.ts'
import { add } from './elementwise.ts'
import { matmul, type ProductPrecision, productType } from './matmul.ts'
import { reshape } from './shape.ts'

/*
 * Linear layers with low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685), for several weights that share one x:
 * yₒ = x · Wₒᵀ + innerₒ · upₒᵀ with innerₒ = scale · x · downₒᵀ. The shapes are PEFT's.
 * K features of x, N of y, r rank.
 */

export type LoraAttributes = {
  /** alpha / rank. */
  readonly scale: number
  readonly precision: ProductPrecision
}

/** One weight with its adapter: W `[N, K]`, down `[r, K]`, up `[N, r]`. */
interface Adapted<T> {
  readonly weight: T
  readonly down: T
  readonly up: T
}

/** Inputs in groups of `size`, from `first` on. */
function inGroups<T>(inputs: readonly T[], first: number, size: number): (readonly T[])[] {
  const count = (inputs.length - first) / size
  if (count < 1 || !Number.isInteger(count)) throw shapeViolation(`each weight needs ${size} inputs`)
  return Array.from({ length: count }, (_, at) => inputs.slice(first + at * size, first + (at + 1) * size))
}

const adaptedOf = <T>([weight, down, up]: readonly T[]) => ({ weight, down, up }) as Adapted<T>

const withWidth = (type: TensorType, width: Dimension, dtype = type.dtype): TensorType => ({
  dtype,
  shape: type.shape.with(-1, width),
})

/** @returns the dtype of the product */
function requireAdapted(
  x: TensorType,
  { weight, down, up }: Adapted<TensorType>,
  { precision }: LoraAttributes,
): DType {
  const parts = { weight, down, up }
  for (const [name, type] of Object.entries(parts)) requireRank(type, 2, name)
  const dtype = productType([x, weight, down, up], precision)
  if (!dtype) {
    const [name, type] = Object.entries(parts).find((part) => part[1].dtype !== x.dtype) as [string, TensorType]
    throw dtypeViolation(`${name} must be ${x.dtype} as x is, not ${type.dtype}`)
  }
  const [[outputs, inputs], [rank, downInputs], [upOutputs, upRank]] = [weight.shape, down.shape, up.shape]
  if (inputs !== x.shape.at(-1) || downInputs !== inputs || upOutputs !== outputs || upRank !== rank) {
    throw shapeViolation(
      `W ${formatShape(weight.shape)}, down ${formatShape(down.shape)} and up ${formatShape(up.shape)} ` +
        `do not fit x ${formatShape(x.shape)} and each other`,
    )
  }
  return dtype
}

function requireInput(x: TensorType | undefined): TensorType {
  if (!x || x.shape.length < 2) throw shapeViolation('x must have at least two axes')
  if (!isFloating(x.dtype)) throw dtypeViolation('x must be floating')
  return x
}

/** The kernels round operands to bfloat16; in f32 ONNX Runtime's own products are the faster ones. */
const kernelFits = (inputs: readonly TensorType[], { precision }: LoraAttributes): boolean =>
  precision === 'bf16' && inputs.every(({ dtype }) => dtype === 'f32' || dtype === 'bf16')

/** Inputs: x, then weight, down and up for each weight. Outputs: every y, then every inner `[…, r]`. */
export const matmulLoraOperator: Operator<LoraAttributes> = defineOperator<LoraAttributes>({
  name: 'matmulLora',
  summary: 'x · Wᵀ + scale · x · downᵀ · upᵀ for the weights that share x; also scale · x · downᵀ',
  infer(inputs, attributes) {
    const x = requireInput(inputs[0])
    const weights = inGroups(inputs, 1, 3).map(adaptedOf)
    const [dtype] = weights.map((weight) => requireAdapted(x, weight, attributes))
    return [
      ...weights.map(({ weight }) => withWidth(x, weight.shape[0] as Dimension, dtype)),
      ...weights.map(({ down }) => withWidth(x, down.shape[0] as Dimension, dtype)),
    ]
  },
  gradient({ inputs, outputs, outputGradients, attributes, needs }) {
    const weights = inGroups(inputs, 1, 3)
    const ofInner = outputGradients.slice(weights.length)
    const trained = weights.some((_, at) => needs[1 + 3 * at])
    // The kernel serves frozen weights, of which only y is used.
    if (trained || ofInner.some(Boolean) || outputGradients.slice(0, weights.length).some((dy) => !dy)) return undefined
    const [x] = inputs as readonly [Tensor]
    const rest = weights.flatMap((weight, at) => [outputGradients[at], ...weight, outputs[weights.length + at]])
    const [dx, ...found] = apply(matmulLoraGradientOperator, [x, ...(rest as Tensor[])], attributes)
    const byWeight = weights.flatMap((_, at) => [undefined, found[2 * at], found[2 * at + 1]])
    return [needs[0] ? dx : undefined, ...byWeight]
  },
  composite(inputs, { scale }) {
    const [x] = inputs as readonly [Tensor]
    const weights = inGroups(inputs, 1, 3).map(adaptedOf)
    const inners = weights.map(({ down }) => matmul(x, down, { transposeB: true, alpha: scale }))
    const outer = (at: number, up: Tensor) => matmul(inners[at] as Tensor, up, { transposeB: true })
    return [
      ...weights.map(({ weight, up }, at) => add(matmul(x, weight, { transposeB: true }), outer(at, up))),
      ...inners,
    ]
  },
  kernel: {
    operator: 'MatMulLora',
    supports: kernelFits,
    lower: (emitter, { inputs, attributes: { scale, precision }, outputTypes, used }) =>
      emitter.node(
        'MatMulLora',
        ['', ...inputs],
        { scale: { float: scale }, precision },
        { domain: 'r1', types: outputTypes, outputs: used },
      ),
  },
})

/** Inputs: x, then dy, weight, down, up and inner for each weight. Outputs: dx, then dDown and dUp for each weight. */
export const matmulLoraGradientOperator: Operator<LoraAttributes> = defineOperator<LoraAttributes>({
  name: 'matmulLoraGradient',
  summary: 'Gradients of matmulLora by x, summed over the weights, and by every down and up',
  infer(inputs, attributes) {
    const x = requireInput(inputs[0])
    const weights = inGroups(inputs, 1, 5)
    for (const [dy, weight, down, up, inner] of weights as (readonly [
      TensorType,
      TensorType,
      TensorType,
      TensorType,
      TensorType,
    ])[]) {
      requireAdapted(x, { weight, down, up }, attributes)
      const wanted = [withWidth(x, weight.shape[0] as Dimension), withWidth(x, down.shape[0] as Dimension)] as const
      if (!sameShape(dy.shape, wanted[0].shape) || !sameShape(inner.shape, wanted[1].shape)) {
        throw shapeViolation(`dy must be ${formatType(wanted[0])} and inner ${formatType(wanted[1])}`)
      }
    }
    const dx = withWidth(x, x.shape.at(-1) as Dimension, (inputs[3] as TensorType).dtype)
    return [dx, ...weights.flatMap(([, , down, up]) => [down as TensorType, up as TensorType])]
  },
  composite(inputs, { scale }) {
    const [x] = inputs as readonly [Tensor]
    const rows = (tensor: Tensor) => reshape(tensor, [-1, tensor.shape.at(-1) as Dimension])
    const found = inGroups(inputs, 1, 5).map((group) => {
      const [dy, weight, down, up, inner] = group as readonly [Tensor, Tensor, Tensor, Tensor, Tensor]
      const dInner = matmul(dy, up, { alpha: scale })
      return {
        dx: add(matmul(dy, weight), matmul(dInner, down)),
        dDown: matmul(rows(dInner), rows(x), { transposeA: true }),
        dUp: matmul(rows(dy), rows(inner), { transposeA: true }),
      }
    })
    return [found.map(({ dx }) => dx).reduce(add), ...found.flatMap(({ dDown, dUp }) => [dDown, dUp])]
  },
  kernel: {
    operator: 'MatMulLoraGradient',
    supports: kernelFits,
    lower: (emitter, { inputs, attributes: { scale, precision }, outputTypes, used }) =>
      emitter.node(
        'MatMulLoraGradient',
        ['', ...inputs],
        { scale: { float: scale }, precision },
        { domain: 'r1', types: outputTypes, outputs: used },
      ),
  },
})

/** A low-rank adapter in PEFT's shapes. */
export interface LoraAdapter {
  /** `[r, K]` */
  readonly down: Tensor
  /** `[N, r]` */
  readonly up: Tensor
  /** Factor of the adapter's product: alpha / r. */
  readonly scale: number
}

/**
 * A linear layer with a low-rank adapter, `x · Wᵀ + scale · x · downᵀ · upᵀ` (LoRA, Hu et al. 2021, arXiv:2106.09685).
 *
 * @param x `[…, K]`
 * @param weight `[N, K]`
 * @returns `[…, N]`
 * @throws R1Error `shape-mismatch` or `dtype-mismatch` where the matrices do not fit
 */
export function matmulLora(x: Tensor, weight: Tensor, { down, up, scale }: LoraAdapter): Tensor {
  return apply(matmulLoraOperator, [x, weight, down, up], { scale, precision: 'f32' })[0] as Tensor
}
