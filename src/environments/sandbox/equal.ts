import type { JsonValue } from './task.ts'

/** Whether two values are the same: keys in any order, fractions but for rounding, and text only to text. */
export function equalValues(left: JsonValue, right: JsonValue): boolean {
  if (typeof left === 'number' && typeof right === 'number') return equalNumbers(left, right)
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((value, index) => equalValues(value, right[index] as JsonValue))
  }
  if (!isObject(left) || !isObject(right)) return left === right
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key] as JsonValue, right[key] as JsonValue))
  )
}

const isObject = (value: JsonValue): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whole numbers are equal or not; of fractions the last digits may differ. */
function equalNumbers(left: number, right: number): boolean {
  if (Number.isInteger(left) && Number.isInteger(right)) return left === right
  return Math.abs(left - right) <= 1e-9 * Math.max(1, Math.abs(left), Math.abs(right))
}
