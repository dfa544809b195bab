/** Digits of a number ≥ 0 from the last to the first. */
const digitsOf = (value: number): number[] => [...String(value)].reverse().map(Number)

/** How two numbers are added in writing, from the last digits on: `7+5=12 4+8+1=13 3+0+1=4` for 347+85. */
export function addition(left: number, right: number): string {
  const [upper, lower] = [digitsOf(left), digitsOf(right)]
  const steps: string[] = []
  let carry = 0
  for (let place = 0; place < Math.max(upper.length, lower.length); place++) {
    const [above, below] = [upper[place] ?? 0, lower[place] ?? 0]
    const sum = above + below + carry
    steps.push(`${above}+${below}${carry ? '+1' : ''}=${sum}`)
    carry = sum >= 10 ? 1 : 0
  }
  return steps.join(' ')
}

/** How a number is taken from one at least as large: `12-5=7 13-1-8=4 4-1-0=3` for 432-85. */
export function subtraction(left: number, right: number): string {
  const [upper, lower] = [digitsOf(left), digitsOf(right)]
  let borrowed = 0
  const steps = upper.map((above, place) => {
    const below = lower[place] ?? 0
    const lent = above - borrowed < below ? 10 : 0
    const step = `${above + lent}${borrowed ? '-1' : ''}-${below}=${above + lent - borrowed - below}`
    borrowed = lent ? 1 : 0
    return step
  })
  return steps.join(' ')
}

/** How a number is multiplied by one digit: `7*6=42 4*6+4=28 3*6+2=20` for 347*6. */
export function productByDigit(left: number, digit: number): string {
  let carry = 0
  const steps = digitsOf(left).map((above) => {
    const product = above * digit + carry
    const step = `${above}*${digit}${carry ? `+${carry}` : ''}=${product}`
    carry = Math.floor(product / 10)
    return step
  })
  return steps.join(' ')
}

/** How numbers of several digits are multiplied: a line for each digit of the right one, then a line for each sum. */
export function multiplication(left: number, right: number): string {
  const rows = digitsOf(right).map((digit, place) => ({
    digit,
    product: left * digit * 10 ** place,
    unit: 10 ** place,
  }))
  const lines = rows.map(
    ({ digit, product, unit }) => `${left}*${digit * unit}: ${productByDigit(left, digit)} ${product}`,
  )
  let total = rows[0]?.product ?? 0
  for (const { product } of rows.slice(1)) {
    lines.push(`${total}+${product}: ${addition(total, product)} ${total + product}`)
    total += product
  }
  return lines.join('\n')
}
