/** An exact fraction in lowest terms; the bottom is above 0. */
export interface Rational {
  readonly top: bigint
  readonly bottom: bigint
}

/** @returns undefined for a bottom of 0 */
export function rational(top: bigint, bottom = 1n): Rational | undefined {
  if (bottom === 0n) return undefined
  const divisor = greatestCommonDivisor(top, bottom) * (bottom < 0n ? -1n : 1n)
  return { top: top / divisor, bottom: bottom / divisor }
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let [large, small] = [left < 0n ? -left : left, right < 0n ? -right : right]
  while (small !== 0n) [large, small] = [small, large % small]
  return large === 0n ? 1n : large
}

export type Operator = '+' | '-' | '*' | '/'

/** @returns undefined for a division by 0 */
export function calculate(left: Rational, operator: Operator, right: Rational): Rational | undefined {
  const crossed = [left.top * right.bottom, right.top * left.bottom] as const
  const bottom = left.bottom * right.bottom
  if (operator === '+') return rational(crossed[0] + crossed[1], bottom)
  if (operator === '-') return rational(crossed[0] - crossed[1], bottom)
  return operator === '*' ? rational(left.top * right.top, bottom) : rational(crossed[0], crossed[1])
}

/** As people write it: `7`, `-3/4`. */
export function rationalText({ top, bottom }: Rational): string {
  return bottom === 1n ? String(top) : `${top}/${bottom}`
}
