import { kernelError } from './compare-kernels.ts'
import { kernelCase } from './kernel-cases.ts'

/** Largest relative error that a kernel may have against f64, by the precision of its products. */
export const allowedError = { f32: 5e-6, bf16: 2e-2 } as const
export type KernelPrecision = keyof typeof allowedError

/** What random cases found for one operator. */
export interface KernelFinding {
  readonly cases: number
  readonly worst: number
  /** Seed of the worst case: `kernelCase(seed)` makes it again. */
  readonly seed: number
}

/** Tries cases `first` … `first + count − 1`; findings by operator and precision. */
export function tryKernels(first: number, count: number, precision: KernelPrecision): Map<string, KernelFinding> {
  const findings = new Map<string, KernelFinding>()
  for (let seed = first; seed < first + count; seed++) {
    const operatorCase = kernelCase(seed)
    const error = kernelError(operatorCase, { precision })
    const known = findings.get(operatorCase.operator)
    const worse = !known || !(error <= known.worst)
    findings.set(operatorCase.operator, {
      cases: (known?.cases ?? 0) + 1,
      worst: worse ? error : known.worst,
      seed: worse ? seed : known.seed,
    })
  }
  return findings
}
