/** Student's t at 97.5 % by degrees of freedom, from 1. */
const student = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]

/** Mean of what several seeds gave, and half of its 95 % interval (Student's t); NaN for a single one. */
export function meanAndHalf(values: readonly number[]): { mean: number; half: number } {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  return { mean, half: (student[count - 2] ?? 1.96) * Math.sqrt(variance / count) }
}
