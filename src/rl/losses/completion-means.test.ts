import { expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { gradients, multiply, sum, type Tensor } from '../../tensor/index.ts'
import { completionMeans } from './completion-means.ts'

const segments = NDArray.from([0, 0, 0, 1, 1, -1, 0, 1, 2, 2, 2, 2].map(BigInt), [2, 6], 'i64')
const counted = NDArray.from([0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1], [2, 6])
const values = NDArray.from([9, 1, 2, 9, 4, 9, 5, 9, 9, 6, 7, 2], [2, 6])
const weights = NDArray.from([1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 12], [2, 6])
const real = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]

it.each([
  ['a known shape', true, {}],
  [
    'a named number of rows',
    true,
    { segments: ['rows', 6], counted: ['rows', 6], values: ['rows', 6], weights: ['rows', 6] },
  ],
  ['stock operators', false, {}],
])('means of completions and their gradient, with %s', async (_, kernels, dimensions) => {
  using compiled = jit(
    (inputs: Record<'segments' | 'counted' | 'values' | 'weights', Tensor>) => {
      const means = completionMeans(inputs.segments, inputs.counted)(inputs.values)
      const slope = gradients(sum(multiply(means, inputs.weights)), [inputs.values])[0] as Tensor
      return { means, slope }
    },
    { kernels, dimensions },
  )
  const { means, slope } = await compiled.run({ segments, counted, values, weights })
  const found = means.toNumbers()
  // A completion without a counted token, the second one of the second row, has the mean 0.
  expect(real.map((at) => found[at])).toEqual([1.5, 1.5, 1.5, 4, 4, 5, 0, 5, 5, 5, 5])
  // Each counted token has its share of the weights of the whole completion: (1 + 2 + 3) / 2, 4 + 5, 7, (9 + … + 12) / 3.
  expect(slope.toNumbers()).toEqual([0, 3, 3, 0, 9, 0, 7, 0, 0, 14, 14, 14])
})
