import { R1Error } from '../errors.ts'

/**
 * One extent of a shape: a number, or a named dimension such as `'batch'` whose value is known only when the graph runs.
 * Arithmetic on named dimensions gives integer polynomials in canonical text (`'64*batch'`, `'batch*time+1'`), so two
 * dimensions are equal exactly when they are `===`.
 */
export type Dimension = number | string

/** Coefficients by monomial; a monomial is its sorted names joined by `*`, and `''` is the constant term. */
type Polynomial = Map<string, number>

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/

function parse(dimension: Dimension): Polynomial {
  if (typeof dimension === 'number') return new Map(dimension === 0 ? [] : [['', dimension]])
  const polynomial: Polynomial = new Map()
  for (const term of dimension.split('+')) {
    let coefficient = 1
    const names: string[] = []
    for (const factor of term.split('*')) {
      const value = Number(factor)
      if (factor !== '' && Number.isInteger(value)) coefficient *= value
      else if (identifier.test(factor)) names.push(factor)
      else {
        throw new R1Error('bad-dimension', `'${dimension}' is not a dimension.`, {
          remedy: "Name it with letters, digits and '_', or combine named dimensions with '+' and '*'.",
        })
      }
    }
    accumulate(polynomial, names.sort().join('*'), coefficient)
  }
  return polynomial
}

function accumulate(polynomial: Polynomial, monomial: string, coefficient: number): void {
  const sum = (polynomial.get(monomial) ?? 0) + coefficient
  if (sum === 0) polynomial.delete(monomial)
  else polynomial.set(monomial, sum)
}

function format(polynomial: Polynomial): Dimension {
  if (polynomial.size === 0) return 0
  const constant = polynomial.get('')
  if (constant !== undefined && polynomial.size === 1) return constant
  return [...polynomial]
    .sort(([left], [right]) => (left === '' ? 1 : right === '' ? -1 : left < right ? -1 : 1))
    .map(([monomial, coefficient]) =>
      monomial === '' ? String(coefficient) : coefficient === 1 ? monomial : `${coefficient}*${monomial}`,
    )
    .join('+')
}

/** Canonical form of a dimension as written by a user. @throws R1Error `bad-dimension` for anything that is not a whole number ≥ 0 or such a text. */
export function canonicalDimension(dimension: Dimension): Dimension {
  if (typeof dimension === 'string') return format(parse(dimension))
  if (Number.isInteger(dimension) && dimension >= 0) return dimension
  throw new R1Error('bad-dimension', `${dimension} is not a dimension.`, {
    remedy: 'Give a whole number ≥ 0 or a name.',
  })
}

export function addDimensions(left: Dimension, right: Dimension): Dimension {
  if (typeof left === 'number' && typeof right === 'number') return left + right
  const sum = parse(left)
  for (const [monomial, coefficient] of parse(right)) accumulate(sum, monomial, coefficient)
  return format(sum)
}

export function subtractDimensions(left: Dimension, right: Dimension): Dimension {
  return addDimensions(left, multiplyDimensions(-1, right))
}

export function multiplyDimensions(left: Dimension, right: Dimension): Dimension {
  // −1 · 0 is 0, not −0.
  if (typeof left === 'number' && typeof right === 'number') return left * right + 0
  if (left === 1) return right
  if (right === 1) return left
  const product: Polynomial = new Map()
  const factors = parse(right)
  for (const [monomial, coefficient] of parse(left)) {
    for (const [other, factor] of factors) {
      const names = [...monomial.split('*'), ...other.split('*')].filter((name) => name !== '')
      accumulate(product, names.sort().join('*'), coefficient * factor)
    }
  }
  return format(product)
}

/** `dividend / divisor` if it is exact for every value of the names, otherwise undefined. The divisor has one term. */
export function divideDimensions(dividend: Dimension, divisor: Dimension): Dimension | undefined {
  if (dividend === divisor) return 1
  const terms = [...parse(divisor)]
  const only = terms[0]
  if (!only || terms.length > 1) return undefined
  const [monomial, coefficient] = only
  const quotient: Polynomial = new Map()
  for (const [name, value] of parse(dividend)) {
    const names = name === '' ? [] : name.split('*')
    for (const factor of monomial === '' ? [] : monomial.split('*')) {
      const at = names.indexOf(factor)
      if (at < 0) return undefined
      names.splice(at, 1)
    }
    if (value % coefficient !== 0) return undefined
    accumulate(quotient, names.join('*'), value / coefficient)
  }
  return format(quotient)
}

/** The terms of a dimension, each a coefficient and its names: what the runtime needs to compute its value. */
export function dimensionTerms(dimension: Dimension): readonly { coefficient: number; names: readonly string[] }[] {
  return [...parse(dimension)].map(([monomial, coefficient]) => ({
    coefficient,
    names: monomial === '' ? [] : monomial.split('*'),
  }))
}

/** Value of a dimension when its names have these values. @throws R1Error `unknown-dimension` for a name without a value. */
export function evaluateDimension(dimension: Dimension, values: ReadonlyMap<string, number>): number {
  if (typeof dimension === 'number') return dimension
  let sum = 0
  for (const { coefficient, names } of dimensionTerms(dimension)) {
    let product = coefficient
    for (const name of names) {
      const value = values.get(name)
      if (value === undefined) {
        throw new R1Error('unknown-dimension', `The dimension '${name}' has no value.`, {
          remedy: 'Every named dimension must be the extent of some input.',
        })
      }
      product *= value
    }
    sum += product
  }
  return sum
}
