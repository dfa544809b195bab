import { describe, expect, it } from 'vitest'
import { kernelLibrary } from './kernels.ts'
import { kernelOperators } from './testing/kernel-cases.ts'
import { allowedError, tryKernels } from './testing/try-kernels.ts'

const { operators, reason } = kernelLibrary()
if (operators.size === 0) console.log(`Kernels are not compared with f64: ${reason}.`)

describe.runIf(operators.size > 0)('the native kernels against f64 on random shapes', () => {
  it.each(['f32', 'bf16'] as const)('with %s products', (precision) => {
    const findings = tryKernels(0, 5 * kernelOperators.length, precision)
    expect([...findings.keys()].sort()).toEqual([...kernelOperators].sort())
    const wrong = [...findings].filter(([, { worst }]) => !(worst <= allowedError[precision]))
    expect(wrong).toEqual([])
  })
})
