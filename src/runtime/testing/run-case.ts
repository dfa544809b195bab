import type { DType, Tensor } from '../../tensor/index.ts'
import { type CaseValues, type OperatorCase, outputsOf } from '../../tensor/testing/case.ts'
import { Plain } from '../../tensor/testing/plain.ts'
import { NDArray } from '../array.ts'
import { type JitOptions, jit } from '../jit.ts'

type Tensors = { readonly [name: string]: Tensor }

/** The values of a case as arrays; its floating inputs in `dtype`. */
export function arraysOf({ inputs }: OperatorCase, values: CaseValues, dtype: DType): Record<string, NDArray> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      const { shape, data } = values[name] as Plain
      return [name, NDArray.from(data, shape, input.dtype === 'float' ? dtype : input.dtype)]
    }),
  )
}

/** The function of a case. */
export const bodyOf = (operatorCase: OperatorCase) => (inputs: Tensors) => ({
  outputs: outputsOf(operatorCase, inputs),
})

/** Results of a case for each set of values, from one compilation. */
export function runCase(
  operatorCase: OperatorCase,
  batches: readonly CaseValues[],
  dtype: DType,
  options: JitOptions = {},
): Plain[][] {
  using run = jit(bodyOf(operatorCase), options)
  return batches.map((values) =>
    (run.runSync(arraysOf(operatorCase, values, dtype)).outputs as readonly NDArray[]).map(
      (array) => new Plain(array.shape, array.toNumbers()),
    ),
  )
}

/** Largest difference of two arrays, relative to the largest element; infinite where shapes or special values differ. */
export function distance(found: Plain, expected: Plain): number {
  if (found.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY
  const largest = expected.data.reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    0,
  )
  return found.data.reduce((worst, value, index) => {
    const wanted = expected.data[index] as number
    const same = Object.is(value, wanted) || value === wanted
    const off = same ? 0 : Math.abs(value - wanted) / Math.max(largest, 1e-6)
    return Math.max(worst, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off)
  }, 0)
}
