import { isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { formatShape, sameShape } from '../shape.ts'
import { cumulativeSum } from './cumulative.ts'
import {
  and,
  cast,
  divide,
  exp,
  greaterOrEqual,
  less,
  lessOrEqual,
  minimum,
  multiply,
  or,
  subtract,
  where,
} from './elementwise.ts'
import { gatherElements, iota } from './indexing.ts'
import { max, sum } from './reduction.ts'
import { reshape } from './shape.ts'
import { slice } from './slice.ts'
import { topK } from './sort.ts'

/** Numbers that say how a row is drawn. */
export const drawSettings = 5

/** Inputs: logits `[…, V]`, settings `[…, 5]`. */
const drawTokenOperator = defineOperator({
  name: 'drawToken',
  summary: 'The next token of each row by temperature, top-k, top-p, min-p and a random number',
  constant: true,
  infer([logits, settings]) {
    if (!logits || !settings || !isFloating(logits.dtype) || settings.dtype !== logits.dtype) {
      throw dtypeViolation('logits and settings must be floating, of one dtype')
    }
    const rows = logits.shape.slice(0, -1)
    if (typeof logits.shape.at(-1) !== 'number') throw attributeViolation('the vocabulary needs a known extent')
    if (!sameShape(settings.shape, [...rows, drawSettings])) {
      throw shapeViolation(
        `settings must be ${formatShape([...rows, drawSettings])}, not ${formatShape(settings.shape)}`,
      )
    }
    return [
      { dtype: 'i64', shape: rows },
      { dtype: logits.dtype, shape: rows },
    ]
  },
  composite([logits, settings]) {
    if (!logits || !settings) return []
    const vocabulary = logits.shape.at(-1) as number
    const setting = (at: number) => slice(settings, { [-1]: { start: at, end: at + 1 } })
    const [temperature, most, topP, minP, uniform] = [0, 1, 2, 3, 4].map(setting) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const last = { axes: [-1], keepDimensions: true }
    const { values, indices } = topK(logits, vocabulary)
    const isGreedy = lessOrEqual(temperature, 0)
    const distances = divide(subtract(values, max(values, last)), where(isGreedy, 1, temperature))
    // Where top-k is 0, or temperature is, it is no limit or one.
    const limit = where(isGreedy, 1, where(less(most, 1), vocabulary, most))
    const likely = where(less(iota(vocabulary, logits.dtype), limit), exp(distances), 0)
    const before = cumulativeSum(likely, -1, { exclusive: true })
    const isWithin = or(greaterOrEqual(topP, 1), less(before, multiply(topP, sum(likely, last))))
    const isFirst = less(iota(vocabulary, logits.dtype), 1)
    // The likeliest token stays, whatever the filters say.
    const weights = where(or(isFirst, and(isWithin, greaterOrEqual(likely, minP))), likely, 0)
    const reached = cumulativeSum(weights)
    const passed = lessOrEqual(reached, multiply(uniform, max(reached, last)))
    const place = minimum(sum(cast(passed, 'i64'), last), vocabulary - 1)
    const rows = logits.shape.slice(0, -1)
    return [reshape(gatherElements(indices, place), rows), reshape(gatherElements(values, place), rows)]
  },
  kernel: {
    operator: 'DrawToken',
    supports: ([logits]) => logits?.dtype === 'f32',
    lower: (emitter, { inputs, outputTypes }) =>
      emitter.node('DrawToken', inputs, {}, { domain: 'r1', types: outputTypes, outputs: 2 }),
  },
})

/**
 * Draws the next token of each row: of the tokens in the order of their logits (of equals the one in front) those that
 * top-k, then top-p, then min-p leave, and of these the one at the share `uniform` of their probability.
 *
 * @param logits `[…, V]`
 * @param settings `[…, 5]`: temperature (0: the most likely token), top-k (0: any number), top-p (1: all), min-p (0: any),
 *   and a uniform number in (0, 1)
 * @returns tokens, i64 `[…]`, and their logits `[…]`
 */
export function drawToken(logits: Tensor, settings: Tensor): { readonly tokens: Tensor; readonly values: Tensor } {
  const [tokens, values] = apply(drawTokenOperator, [logits, settings], {}) as readonly [Tensor, Tensor]
  return { tokens, values }
}
