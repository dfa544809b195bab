import { isFloating } from '../dtype.ts'
import { dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { absolute, add, divide, equal, exp, greater, log, multiply, subtract, where } from './elementwise.ts'

/*
 * log(1 + x) and eˣ − 1 that stay exact near zero (W. Kahan's forms): rounding 1 + x, or eˣ, to a float loses digits of x,
 * but the same loss in numerator and denominator cancels.
 */

const log1pOperator = defineOperator({
  name: 'log1p',
  summary: 'log(1 + x), exact near zero',
  elementwise: true,
  infer([x]) {
    if (!x || !isFloating(x.dtype)) throw dtypeViolation('a floating dtype is needed')
    return [x]
  },
  gradient: ({ inputs: [x], outputGradients: [dy] }) => [dy && x && divide(dy, add(x, 1))],
  composite([x]) {
    if (!x) return []
    const sum = add(x, 1)
    const rounded = subtract(sum, 1)
    // Where 1 + x rounds to 1, log(1 + x) is x; the denominator there is only kept from being zero.
    const same = equal(rounded, 0)
    const exact = where(same, x, multiply(log(sum), divide(x, where(same, 1, rounded))))
    return [where(greater(x, 1), log(sum), exact)]
  },
})

/** `log(1 + x)`, exact near zero. */
export function log1p(x: Tensor): Tensor {
  return applyOne(log1pOperator, [x], {})
}

const expm1Operator = defineOperator({
  name: 'expm1',
  summary: 'eˣ − 1, exact near zero',
  elementwise: true,
  infer([x]) {
    if (!x || !isFloating(x.dtype)) throw dtypeViolation('a floating dtype is needed')
    return [x]
  },
  gradient: ({ outputs: [y], outputGradients: [dy] }) => [dy && y && multiply(dy, add(y, 1))],
  composite([x]) {
    if (!x) return []
    const power = exp(x)
    const shifted = subtract(power, 1)
    const exponent = log(power)
    const same = equal(exponent, 0)
    const exact = where(same, x, divide(multiply(shifted, x), where(same, 1, exponent)))
    return [where(greater(absolute(x), 1), shifted, exact)]
  },
})

/** `eˣ − 1`, exact near zero. */
export function expm1(x: Tensor): Tensor {
  return applyOne(expm1Operator, [x], {})
}
