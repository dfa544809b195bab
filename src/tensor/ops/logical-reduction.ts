import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { cast, not } from './elementwise.ts'
import { max, type ReductionOptions } from './reduction.ts'

type AnyAttributes = { readonly axes: readonly number[]; readonly keepDimensions: boolean }

const anyOperator = defineOperator<AnyAttributes>({
  name: 'any',
  summary: 'Whether any element over axes is true',
  constant: true,
  infer([x], { axes, keepDimensions }) {
    if (x?.dtype !== 'bool') throw dtypeViolation('booleans are needed')
    if (axes.some((axis) => normalizeAxis(axis, x.shape.length) !== axis)) {
      throw attributeViolation(`axes [${axes}] are not those of ${formatShape(x.shape)}`)
    }
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    return [{ dtype: 'bool', shape: keepDimensions ? kept : x.shape.filter((_, axis) => !axes.includes(axis)) }]
  },
  composite: ([x], { axes, keepDimensions }) =>
    x ? [cast(max(cast(x, 'i32'), { axes, keepDimensions }), 'bool')] : [],
})

/** Whether any element of a boolean tensor over the given axes (all without them) is true. */
export function any(x: Tensor, { axes, keepDimensions = false }: ReductionOptions = {}): Tensor {
  const all = axes ?? x.shape.map((_, axis) => axis)
  return applyOne(anyOperator, [x], { axes: all.map((axis) => normalizeAxis(axis, x.rank) ?? axis), keepDimensions })
}

/** Whether all elements of a boolean tensor over the given axes (all without them) are true. */
export function all(x: Tensor, options: ReductionOptions = {}): Tensor {
  return not(any(not(x), options))
}
