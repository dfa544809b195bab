import { attributeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { absolute, add, greater, less, maximum, minimum, multiply, where } from './elementwise.ts'
import { expm1 } from './exponential.ts'

/** `x` brought into `low … high`; outside, the gradient is zero, and half on the borders. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  checked('clamp', [x], () => {
    if (!(low <= high)) throw attributeViolation(`${low} … ${high} is no range`)
  })
  return minimum(maximum(x, low), high)
}

/** `x` where it is positive, otherwise `slope · x` (Maas et al. 2013). */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(greater(x, 0), x, multiply(x, slope))
}

/** `x` where it is positive, otherwise `scale · (eˣ − 1)` (Clevert et al. 2015, arXiv:1511.07289). */
export function elu(x: Tensor, scale = 1): Tensor {
  return where(greater(x, 0), x, multiply(expm1(minimum(x, 0)), scale))
}

/** `x/6 + 1/2` between 0 and 1: the sigmoid of MobileNetV3 (Howard et al. 2019, arXiv:1905.02244). */
export function hardSigmoid(x: Tensor): Tensor {
  return clamp(add(multiply(x, 1 / 6), 0.5), 0, 1)
}

/** Whether each element is a number, and not infinite. */
export function isFiniteNumber(x: Tensor): Tensor {
  return less(absolute(x), Number.POSITIVE_INFINITY)
}
