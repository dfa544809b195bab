import { attributeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { constant } from './constant.ts'
import { divide, modulo, multiply, subtract } from './elementwise.ts'
import { binary, integer, unary } from './elementwise-rule.ts'

const rule = (onnx: string, summary: string) => ({ onnx, summary, accepts: integer, cpuOnly: true })

export const bitwiseAnd = binary('bitwiseAnd', rule('BitwiseAnd', 'Bits of a and b'))
export const bitwiseOr = binary('bitwiseOr', rule('BitwiseOr', 'Bits of a or b'))
export const bitwiseXor = binary('bitwiseXor', rule('BitwiseXor', 'Bits of a xor b'))
export const bitwiseNot = unary('bitwiseNot', rule('BitwiseNot', 'Bits of x, each the other way'))

/** `2^bits` beside `x`. ONNX shifts unsigned numbers only, so shifts are products and quotients. */
function powerOfTwo(x: Tensor, bits: number): Tensor {
  const width = x.dtype === 'i64' ? 63 : x.dtype === 'i32' ? 31 : 7
  checked('shift', [x], () => {
    if (!Number.isInteger(bits) || bits < 0 || bits >= width) {
      throw attributeViolation(`a shift of ${x.dtype} by ${bits} bits is not one of 0 … ${width - 1}`)
    }
  })
  // Beyond 2⁵³ a double still holds every power of two exactly.
  return constant(2 ** bits, { dtype: x.dtype })
}

/** Bits of `x` moved up by `bits` places. */
export function shiftLeft(x: Tensor, bits: number): Tensor {
  return multiply(x, powerOfTwo(x, bits))
}

/** Bits of `x` moved down by `bits` places; the sign is kept: the quotient by a power of two, rounded down. */
export function shiftRight(x: Tensor, bits: number): Tensor {
  const power = powerOfTwo(x, bits)
  return divide(subtract(x, modulo(x, power)), power)
}
