import type { OperatorCase } from '../../tensor/testing/case.ts'
import { valuesOf } from '../../tensor/testing/case.ts'
import type { Plain } from '../../tensor/testing/plain.ts'
import type { JitOptions } from '../jit.ts'
import { runCase } from './run-case.ts'

/** Root mean square below which everything in an array has cancelled out: what is left is measured against 1, the inputs' size. */
const cancelled = 1e-9

/** √Σ(found − expected)² / √Σexpected²: 0 for equal arrays. */
function relativeError(found: Plain, expected: Plain): number {
  let [difference, size] = [0, 0]
  for (const [at, value] of expected.data.entries()) {
    difference += ((found.data[at] as number) - value) ** 2
    size += value ** 2
  }
  const count = expected.data.length
  return difference === 0 ? 0 : Math.sqrt(difference / (size < count * cancelled ** 2 ? count : size))
}

/**
 * Runs a case by the native kernels in f32 and by stock operators in f64.
 *
 * @returns the largest relative error of any result
 */
export function kernelError(operatorCase: OperatorCase, options: JitOptions): number {
  const values = valuesOf(operatorCase)
  const [expected] = runCase(operatorCase, [values], 'f64', { kernels: false }) as [Plain[]]
  const [found] = runCase(operatorCase, [values], 'f32', { kernels: true, products: 'kernel', ...options }) as [Plain[]]
  return Math.max(...expected.map((result, at) => relativeError(found[at] as Plain, result)))
}
