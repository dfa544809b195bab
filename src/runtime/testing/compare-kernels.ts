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

/** Errors up to this one need no explanation, by the precision of the products. */
const smallOf = { f32: 1e-6, bf16: 2e-2, f16: 2e-2 } as const

/**
 * Runs a case by the native kernels in f32 and by stock operators in f64. Where numbers cancel out, the precision itself is
 * far off: then what stock operators of the same precision are off by, up to ten times (sums go in another order), is not counted.
 *
 * @returns the largest relative error of any result
 */
export function kernelError(operatorCase: OperatorCase, options: JitOptions): number {
  const values = valuesOf(operatorCase)
  const results = (dtype: 'f32' | 'f64', how: JitOptions) => runCase(operatorCase, [values], dtype, how)[0] as Plain[]
  const expected = results('f64', { kernels: false })
  const errorsOf = (found: readonly Plain[]) => expected.map((plain, at) => relativeError(found[at] as Plain, plain))
  const small = smallOf[options.precision ?? 'f32']
  const errors = errorsOf(results('f32', { products: 'kernel', ...options }))
  if (errors.every((error) => error <= small)) return Math.max(...errors)
  const inherent = errorsOf(results('f32', { ...options, kernels: false, emulate: true }))
  return Math.max(...errors.map((error, at) => Math.min(error, Math.max(small, error - 10 * (inherent[at] as number)))))
}
