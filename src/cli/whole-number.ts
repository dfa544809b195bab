import { InvalidArgumentError } from 'commander'

/** A count on the command line. */
export function parseWhole(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number from 1.')
}
