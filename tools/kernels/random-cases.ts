// Compares every native kernel with its composite in f64 on random shapes: `npm run test:kernels [-- <cases> <first seed>]`.
// R1_KERNEL_PATH forces an instruction set. Prints the worst relative error of each operator; fails above the allowed one.
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { allowedError, type KernelPrecision, tryKernels } from '../../src/runtime/testing/try-kernels.ts'

const [cases = 10_000, first = 0] = process.argv.slice(2).map(Number)
if (!Number.isInteger(cases) || cases < 1 || !Number.isInteger(first)) {
  throw new Error('Say two whole numbers: how many cases, and the first seed.')
}
const { operators, instructions, reason } = kernelLibrary()
if (operators.size === 0) throw new Error(`There are no kernels to test: ${reason}.`)

console.log(`${cases} cases from seed ${first}, path ${instructions}`)
let failures = 0
for (const precision of Object.keys(allowedError) as KernelPrecision[]) {
  // Half of the cases for each precision.
  for (const [operator, { cases: tried, worst, seed }] of tryKernels(first, Math.ceil(cases / 2), precision)) {
    const fits = worst <= allowedError[precision]
    if (!fits) failures++
    console.log(
      `${precision.padEnd(5)} ${operator.padEnd(20)} ${String(tried).padStart(6)} cases  worst ${worst.toExponential(2)} (seed ${seed})${fits ? '' : '  TOO LARGE'}`,
    )
  }
}
process.exitCode = failures > 0 ? 1 : 0
