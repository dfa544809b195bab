import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type Operator } from '../operator.ts'
import { formatShape } from '../shape.ts'

type TriangleAttributes = { readonly upper: boolean; readonly diagonal: number }

const triangleOperator: Operator<TriangleAttributes> = defineOperator<TriangleAttributes>({
  name: 'triangle',
  summary: 'The upper or the lower triangle of matrices, zeros elsewhere',
  infer([x], { diagonal }) {
    if (!x || x.shape.length < 2) throw shapeViolation(`${formatShape(x?.shape ?? [])} holds no matrices`)
    if (!Number.isInteger(diagonal)) throw attributeViolation(`${diagonal} is no diagonal`)
    return [x]
  },
  gradient: ({ outputGradients: [dy], attributes }) => [dy && applyOne(triangleOperator, [dy], attributes)],
  lower: (emitter, { inputs, attributes: { upper, diagonal } }) =>
    emitter.node('Trilu', [...inputs, emitter.constant('i64', [], [diagonal])], { upper: upper ? 1 : 0 }),
})

/**
 * The elements on and above a diagonal of the last two axes, zeros below.
 *
 * @param diagonal 0 is the main diagonal, positive ones lie above it
 */
export function upperTriangle(x: Tensor, diagonal = 0): Tensor {
  return applyOne(triangleOperator, [x], { upper: true, diagonal })
}

/** The elements on and below a diagonal of the last two axes, zeros above. */
export function lowerTriangle(x: Tensor, diagonal = 0): Tensor {
  return applyOne(triangleOperator, [x], { upper: false, diagonal })
}
