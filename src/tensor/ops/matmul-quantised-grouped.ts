import type { Dimension } from '../dimension.ts'
import { isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator, type Operator } from '../operator.ts'
import { sameShape, type TensorType } from '../shape.ts'
import { swiglu } from './activation.ts'
import { groupedMatmul } from './matmul-grouped.ts'
import { dequantise, fitsBlocks, type QuantisedShape, type QuantisedType, quantisedBytes } from './quantised-layout.ts'
import { slice } from './slice.ts'

/*
 * Products of a mixture of experts with packed weights. The packed matrices [N, K] of all E experts lie one after the other in
 * one tensor, a stack, of which the native kernel reads the matrices of experts that own a row, and no others.
 */

type GroupedQuantisedAttributes = {
  /** Type and rows of each stack's matrices. */
  readonly types: readonly QuantisedType[]
  readonly rows: readonly number[]
  /** `silu`: two stacks, gate and up, give one output silu(gate) · up. */
  readonly activation: 'none' | 'silu'
}

function check(inputs: readonly TensorType[], { types, rows, activation }: GroupedQuantisedAttributes): TensorType[] {
  const [a, offsets, ...stacks] = inputs
  if (!a || !isFloating(a.dtype) || a.shape.length !== 2) throw dtypeViolation('a must be a floating matrix')
  const [count, columns] = a.shape
  const experts = Number(offsets?.shape[0]) - 1
  if (typeof columns !== 'number') throw shapeViolation('the columns of a must be known')
  if (offsets?.dtype !== 'i64' || !(experts > 0)) throw shapeViolation('offsets must be i64[experts + 1]')
  for (const [index, type] of types.entries()) {
    if (!fitsBlocks(type, columns)) throw attributeViolation(`${columns} numbers are not made of blocks of ${type}`)
    const bytes = experts * quantisedBytes({ type, rows: rows[index] as number, columns })
    const stack = stacks[index]
    if (stack?.dtype !== 'u8' || !sameShape(stack.shape, [bytes])) {
      throw shapeViolation(`stack ${index} of ${experts} matrices ${type} must be u8[${bytes}]`)
    }
  }
  if (activation !== 'none' && (types.length !== 2 || rows[0] !== rows[1])) {
    throw shapeViolation('gate and up are needed, with one number of rows')
  }
  const outputs = activation === 'none' ? rows : rows.slice(0, 1)
  return outputs.map((width) => ({ dtype: a.dtype, shape: [count as Dimension, width] }))
}

/** The packed matrix of one expert. */
export function packedExpert(stack: Tensor, shape: QuantisedShape, expert: number): Tensor {
  const bytes = quantisedBytes(shape)
  return slice(stack, { 0: { start: expert * bytes, end: (expert + 1) * bytes } })
}

export const groupedMatmulQuantisedOperator: Operator<GroupedQuantisedAttributes> =
  defineOperator<GroupedQuantisedAttributes>({
    name: 'groupedMatmulQuantised',
    summary: 'Rows sorted by expert, each times the weights of its expert in blocks of a few bits',
    infer: check,
    composite(inputs, { types, rows, activation }) {
      const [a, offsets, ...stacks] = inputs as readonly [Tensor, Tensor, ...Tensor[]]
      const products = stacks.map((stack, index) => {
        const shape = { type: types[index] as QuantisedType, rows: rows[index] as number, columns: Number(a.shape[1]) }
        const matrices = Array.from({ length: Number(offsets.shape[0]) - 1 }, (_, expert) =>
          dequantise(packedExpert(stack, shape, expert), shape, a.dtype),
        )
        return groupedMatmul(a, matrices, offsets, { transposeB: true })
      })
      const [gate, up] = products as [Tensor, Tensor]
      return activation === 'silu' ? [swiglu(gate, up)] : products
    },
    kernel: {
      operator: 'GroupedMatMulQuantised',
      supports: ([a]) => a?.dtype === 'f32',
      lower: (emitter, { inputs, outputTypes, attributes: { types, rows, activation } }) =>
        emitter.node(
          'GroupedMatMulQuantised',
          inputs,
          {
            weights: types.map((type, index) => `${type} ${rows[index]}`).join(','),
            ...(activation === 'none' ? {} : { activation }),
          },
          { domain: 'r1', types: outputTypes, outputs: outputTypes.length },
        ),
    },
  })

/** The packed matrices of all experts, one after the other. */
export interface QuantisedStack {
  /** u8 `[E · quantisedBytes(…)]` */
  readonly packed: Tensor
  readonly type: QuantisedType
  /** N of each matrix */
  readonly rows: number
}

/**
 * Each row of `a` times the packed weights of its expert, for one to eight stacks. The kernel rounds rows to int8, a scale
 * for each 32 numbers, and reads only the matrices of experts that own a row.
 *
 * @param a `[T, K]`, rows sorted by expert
 * @param offsets i64 `[E + 1]`, rising from 0 to T: expert e owns rows offsets[e] … offsets[e + 1] − 1
 * @returns `[T, N]` for each stack; one for gate and up
 * @throws R1Error `shape-mismatch`, `dtype-mismatch`, `bad-attribute`
 */
export function groupedMatmulQuantised(
  a: Tensor,
  stacks: readonly QuantisedStack[],
  offsets: Tensor,
  { activation = 'none' }: { readonly activation?: 'none' | 'silu' } = {},
): readonly Tensor[] {
  return apply(groupedMatmulQuantisedOperator, [a, offsets, ...stacks.map(({ packed }) => packed)], {
    types: stacks.map(({ type }) => type),
    rows: stacks.map(({ rows }) => rows),
    activation,
  })
}
