import type { Dimension } from '../dimension.ts'
import { requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type Operator } from '../operator.ts'
import { formatShape } from '../shape.ts'
import { add, multiply, negate, subtract } from './elementwise.ts'
import { gather } from './indexing.ts'
import { concat, reshape, split } from './shape.ts'

/** Which features turn together: i and i + R/2 (Llama), or 2i and 2i + 1 (GPT-J, DeepSeek). */
export type RopeOptions = { readonly interleaved?: boolean }
type RopeAttributes = { readonly interleaved: boolean; readonly inverse: boolean }

const ropeOperator: Operator<RopeAttributes> = defineOperator<RopeAttributes>({
  name: 'rope',
  summary: 'Rotary position embedding',
  infer([x, cos, sin, positions]) {
    if (!x || !cos || !sin || !positions) throw shapeViolation('x, cos, sin and positions are needed')
    requireRank(x, 4, 'x')
    requireRank(cos, 2, 'cos')
    if (formatShape(cos.shape) !== formatShape(sin.shape)) throw shapeViolation('cos and sin differ in shape')
    if (Number(cos.shape[1]) * 2 > Number(x.shape[3])) {
      throw shapeViolation(`${cos.shape[1]} angles turn ${Number(cos.shape[1]) * 2} features, but x has ${x.shape[3]}`)
    }
    if (positions.dtype !== 'i64' || positions.shape.join() !== x.shape.slice(0, 2).join()) {
      throw shapeViolation(`positions must be i64${formatShape(x.shape.slice(0, 2))}`)
    }
    return [x]
  },
  gradient({ inputs, outputGradients: [dy], attributes }) {
    const [, ...tables] = inputs
    return [dy && applyOne(ropeOperator, [dy, ...tables], { ...attributes, inverse: !attributes.inverse })]
  },
  composite([x, cos, sin, positions], { interleaved, inverse }) {
    if (!x || !cos || !sin || !positions) return []
    const [batch, time, heads, width] = x.shape as readonly [Dimension, Dimension, Dimension, number]
    const half = Number(cos.shape[1])
    const angles = (table: Tensor) => reshape(gather(table, positions), [batch, time, 1, half])
    const [c, s] = [angles(cos), inverse ? negate(angles(sin)) : angles(sin)]
    const [turned, rest] = width === 2 * half ? [x, undefined] : split(x, [2 * half, width - 2 * half], 3)
    const rotate = (first: Tensor, second: Tensor): [Tensor, Tensor] => [
      subtract(multiply(first, c), multiply(second, s)),
      add(multiply(second, c), multiply(first, s)),
    ]
    const shape = (turned as Tensor).shape
    const pairs = interleaved ? reshape(turned as Tensor, [batch, time, heads, half, 2]) : (turned as Tensor)
    const flat = [batch, time, heads, half]
    const y = interleaved
      ? reshape(
          concat(
            rotate(...(split(pairs, [1, 1], 4).map((part) => reshape(part, flat)) as [Tensor, Tensor])).map((part) =>
              reshape(part, [...flat, 1]),
            ),
            4,
          ),
          shape,
        )
      : concat(rotate(...(split(pairs, [half, half], 3) as unknown as [Tensor, Tensor])), 3)
    return [rest ? concat([y, rest], 3) : y]
  },
  kernel: {
    operator: 'Rope',
    supports: ([x]) => x?.dtype === 'f32',
    lower: (emitter, { inputs, attributes: { interleaved, inverse }, outputTypes }) =>
      emitter.node(
        inverse ? 'RopeGradient' : 'Rope',
        inputs,
        { interleaved: interleaved ? 1 : 0 },
        {
          domain: 'r1',
          types: outputTypes,
        },
      ),
  },
})

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864).
 *
 * @param x `[B, S, H, d]`; the first R features of each head turn, the rest pass through
 * @param cos `[P, R/2]` cosines by position
 * @param sin `[P, R/2]` sines by position
 * @param positions i64 `[B, S]`, rows of the tables
 */
export function rope(x: Tensor, cos: Tensor, sin: Tensor, positions: Tensor, options: RopeOptions = {}): Tensor {
  return applyOne(ropeOperator, [x, cos, sin, positions], { interleaved: options.interleaved ?? false, inverse: false })
}
