import type { Dimension } from '../dimension.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator, type Operator } from '../operator.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { multiply } from './elementwise.ts'
import { pad } from './pad.ts'
import { slice } from './slice.ts'

type CumulativeAttributes = { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean }

const cumulativeSumOperator: Operator<CumulativeAttributes> = defineOperator<CumulativeAttributes>({
  name: 'cumulativeSum',
  summary: 'Sum of the elements up to each place along an axis',
  infer([x], { axis }) {
    if (!x || normalizeAxis(axis, x.shape.length) !== axis) {
      throw attributeViolation(`axis ${axis} is not one of ${formatShape(x?.shape ?? [])}`)
    }
    if (x.dtype === 'bool' || x.dtype === 'i8' || x.dtype === 'u8') throw dtypeViolation(`${x.dtype} sums; cast first`)
    return [x]
  },
  gradient: ({ outputGradients: [dy], attributes }) => [
    dy && applyOne(cumulativeSumOperator, [dy], { ...attributes, reverse: !attributes.reverse }),
  ],
  lower: (emitter, { inputs, attributes: { axis, exclusive, reverse } }) =>
    emitter.node('CumSum', [...inputs, emitter.constant('i64', [], [axis])], {
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
})

/** Whether a place leaves itself out, and whether the sum runs from the end. */
export interface CumulativeOptions {
  readonly exclusive?: boolean
  readonly reverse?: boolean
}

/** Sum of all elements up to each place along `axis`, itself included. */
export function cumulativeSum(x: Tensor, axis = -1, options: CumulativeOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options
  return applyOne(cumulativeSumOperator, [x], { axis: normalizeAxis(axis, x.rank) ?? axis, exclusive, reverse })
}

/**
 * Product of all elements up to each place along `axis`, itself included: log₂ n products of the whole tensor with itself
 * shifted (Hillis & Steele 1986), so zeros and negative numbers are as good as any.
 *
 * @throws R1Error `shape-mismatch` where the axis has a name
 */
export function cumulativeProduct(x: Tensor, axis = -1): Tensor {
  const at = normalizeAxis(axis, x.rank) ?? axis
  const extent = checked('cumulativeProduct', [x], (): number => {
    const found: Dimension | undefined = x.shape[at]
    if (typeof found !== 'number') throw shapeViolation(`axis ${axis} needs a known extent`)
    return found
  })
  let y = x
  for (let shift = 1; shift < extent; shift *= 2) {
    y = multiply(y, pad(slice(y, { [at]: { end: extent - shift } }), { [at]: [shift, 0] }, 1))
  }
  return y
}
