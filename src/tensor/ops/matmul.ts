import { type Dimension, multiplyDimensions } from '../dimension.ts'
import { type DType, isFloating } from '../dtype.ts'
import { broadcastViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type KernelLowering, type ProductShape, type Target } from '../operator.ts'
import { broadcastShapes, formatShape, formatType, type Shape, sameShape, type TensorType } from '../shape.ts'
import { add } from './elementwise.ts'
import { sumTo } from './reduce-to.ts'
import { reshape } from './shape.ts'

/** How the operands of a product are read. */
export interface MatmulOptions {
  /** The left operand is `[…, K, M]`. */
  readonly transposeA?: boolean
  /** The right operand is `[…, N, K]`. */
  readonly transposeB?: boolean
  /** Factor of the product. */
  readonly alpha?: number
}

/** Storage of the operands inside the product: sums are always f32. */
export type ProductPrecision = 'f32' | 'bf16'

export type MatmulAttributes = {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly alpha: number
  readonly precision: ProductPrecision
}

/** `[batch, rows, columns]` of an operand after its transposition. */
function operand(type: TensorType, transposed: boolean): { batch: Shape; rows: Dimension; columns: Dimension } {
  if (type.shape.length < 2) throw shapeViolation(`${formatShape(type.shape)} has no rows and columns`)
  const [last, beforeLast] = [type.shape.at(-1) as Dimension, type.shape.at(-2) as Dimension]
  const batch = type.shape.slice(0, -2)
  return transposed ? { batch, rows: last, columns: beforeLast } : { batch, rows: beforeLast, columns: last }
}

/** The product as a target judges it: a left batch counts as rows where the right operand has none. */
export function productShape([a, b]: readonly TensorType[], attributes: MatmulAttributes): ProductShape | undefined {
  if (!a || !b) return undefined
  const left = operand(a, attributes.transposeA)
  const { columns } = operand(b, attributes.transposeB)
  const batch = b.shape.length === 2 ? left.batch : []
  const rows = [...batch, left.rows].reduce<Dimension>(multiplyDimensions, 1)
  return { rows, depth: left.columns, columns, precision: attributes.precision }
}

/** Whether a native kernel shall compute a product of f32 tensors. */
export function prefersNativeProduct(
  inputs: readonly TensorType[],
  attributes: MatmulAttributes,
  target: Target,
): boolean {
  const shape = productShape(inputs, attributes)
  const operands = inputs.slice(0, 2)
  if (!shape || productType(operands, attributes.precision) !== 'f32') return false
  if (operands.some(({ dtype }) => dtype === 'bf16')) return true
  return target.nativeProduct?.(shape) ?? attributes.precision === 'bf16'
}

/** Whether an operand of a product with bf16 inside may be kept in bf16: the same bits as rounding it there. */
const isStoredOrFloat = (type: TensorType | undefined): boolean => type?.dtype === 'f32' || type?.dtype === 'bf16'

/**
 * The dtype of a product. Operands of one with bf16 inside may be kept in bf16, as `storeBfloat16` does.
 *
 * @returns undefined where the operands do not fit together
 */
export function productType(operands: readonly TensorType[], precision: ProductPrecision): DType | undefined {
  if (precision === 'bf16' && operands.every(isStoredOrFloat)) return 'f32'
  const [first] = operands
  return first && isFloating(first.dtype) && operands.every(({ dtype }) => dtype === first.dtype)
    ? first.dtype
    : undefined
}

const productKernel: KernelLowering<MatmulAttributes> = {
  operator: 'MatMul',
  supports: prefersNativeProduct,
  lower: (emitter, { inputs, outputTypes, attributes: { transposeA, transposeB, alpha, precision } }) =>
    emitter.node(
      'MatMul',
      inputs,
      { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha }, precision },
      { domain: 'r1', types: outputTypes },
    ),
}

export const matmulOperator = defineOperator<MatmulAttributes>({
  name: 'matmul',
  summary: 'alpha · op(A) · op(B), batches broadcast, transposes folded in',
  infer([left, right], { transposeA, transposeB, precision }) {
    const dtype = left && right && productType([left, right], precision)
    if (!left || !right || !dtype) {
      throw dtypeViolation('both operands must have the same floating dtype')
    }
    const a = operand(left, transposeA)
    const b = operand(right, transposeB)
    if (a.columns !== b.rows) {
      throw shapeViolation(
        `${a.columns} columns of the left operand do not meet ${b.rows} rows of the right one ` +
          `(left ${formatShape(left.shape)}${transposeA ? ' transposed' : ''}, ` +
          `right ${formatShape(right.shape)}${transposeB ? ' transposed' : ''})`,
      )
    }
    const batch = broadcastShapes(a.batch, b.batch)
    if (!batch) throw broadcastViolation(a.batch, b.batch)
    return [{ dtype, shape: [...batch, a.rows, b.columns] }]
  },
  gradient({ inputs, outputGradients: [dy], attributes, needs }) {
    const [a, b] = inputs as readonly [Tensor, Tensor]
    if (!dy) return []
    const { transposeA: ta, transposeB: tb, ...rest } = attributes
    const da = () =>
      ta
        ? product(b, dy, { ...rest, transposeA: tb, transposeB: true })
        : product(dy, b, { ...rest, transposeA: false, transposeB: !tb })
    const db = () =>
      tb
        ? product(dy, a, { ...rest, transposeA: true, transposeB: ta })
        : product(a, dy, { ...rest, transposeA: !ta, transposeB: false })
    return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined]
  },
  lower(emitter, { inputs, inputTypes, attributes: { transposeA, transposeB, alpha } }) {
    const plain = !transposeA && !transposeB && alpha === 1
    if (plain) return emitter.node('MatMul', inputs)
    const dtype = inputTypes[0]?.dtype ?? 'f32'
    if (emitter.device === 'cpu' && dtype === 'f32') {
      return emitter.node(
        'FusedMatMul',
        inputs,
        { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } },
        { domain: 'com.microsoft' },
      )
    }
    const swap = (name: string, type: TensorType | undefined) => {
      const axes = (type?.shape ?? []).map((_, axis) => axis)
      return emitter.value('Transpose', [name], { perm: [...axes.slice(0, -2), ...axes.slice(-2).reverse()] })
    }
    const left = transposeA ? swap(inputs[0] as string, inputTypes[0]) : (inputs[0] as string)
    const right = transposeB ? swap(inputs[1] as string, inputTypes[1]) : (inputs[1] as string)
    const y = emitter.value('MatMul', [left, right])
    return [alpha === 1 ? y : emitter.value('Mul', [y, emitter.constant(dtype, [], [alpha])])]
  },
  kernel: productKernel,
})

/** A product with something of its shape added: `fuse` makes it of `matmul` and `add`, only kernels compute it at once. */
export const matmulAddOperator = defineOperator<MatmulAttributes>({
  name: 'matmulAdd',
  summary: 'matmul plus a tensor of its shape',
  infer(inputs, attributes) {
    const [product] = matmulOperator.infer(inputs, attributes) as readonly [TensorType]
    const added = inputs[2]
    if (!added || added.dtype !== product.dtype || !sameShape(added.shape, product.shape)) {
      throw shapeViolation(`what is added must be ${formatType(product)}`)
    }
    return [product]
  },
  composite: ([a, b, added], attributes) =>
    a && b && added ? [add(applyOne(matmulOperator, [a, b], attributes), added)] : [],
  kernel: productKernel,
})

/** A product whose left batch is folded into its rows where the right operand has none, so that weights get one product. */
function product(a: Tensor, b: Tensor, attributes: MatmulAttributes): Tensor {
  if (b.rank === 2 && a.rank > 2 && !attributes.transposeA) {
    const folded = applyOne(matmulOperator, [reshape(a, [-1, a.shape.at(-1) as Dimension]), b], attributes)
    return reshape(folded, [...a.shape.slice(0, -1), folded.shape.at(-1) as Dimension])
  }
  return applyOne(matmulOperator, [a, b], attributes)
}

/**
 * Matrix product `alpha · op(A) · op(B)`.
 *
 * @param a `[…, M, K]`, or `[…, K, M]` with `transposeA`
 * @param b `[…, K, N]`, or `[…, N, K]` with `transposeB`; batch axes are broadcast
 * @returns `[…, M, N]`
 * @throws R1Error `shape-mismatch` where K differs or batches cannot be broadcast
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1 } = options
  return product(a, b, { transposeA, transposeB, alpha, precision: 'f32' })
}
