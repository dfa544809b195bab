import { describe, expect, it } from 'vitest'
import { gradients, matmul, multiply, sqrt, square, sum, type Tensor } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { jit } from './jit.ts'

describe('jit', () => {
  it('runs a traced function on arrays', async () => {
    using length = jit(({ x }: { x: Tensor }) => sqrt(sum(square(x))))
    const result = await length.run({ x: NDArray.from([3, 4]) })
    expect(result.toNumbers()).toEqual([5])
    expect(length.runSync({ x: NDArray.from([6, 8]) }).toNumbers()).toEqual([10])
    expect(length.stats().map(({ runs }) => runs)).toEqual([2])
  })

  it('differentiates a product, twice', () => {
    using second = jit(({ x }: { x: Tensor }) => {
      const cube = sum(multiply(multiply(x, x), x))
      const [first] = gradients(cube, [x]) as [Tensor]
      return { first, second: gradients(sum(first), [x])[0] as Tensor }
    })
    const found = second.runSync({ x: NDArray.from([1, 2, -3]) })
    expect(found.first.toNumbers()).toEqual([3, 12, 27])
    expect(found.second.toNumbers()).toEqual([6, 12, -18])
  })

  it('runs other batch sizes without tracing again where the batch has a name', () => {
    using project = jit(({ x, w }: { x: Tensor; w: Tensor }) => matmul(x, w), { dimensions: { x: ['batch', 2] } })
    const w = NDArray.from([1, 0, 0, 2], [2, 2])
    expect(project.runSync({ x: NDArray.from([1, 2], [1, 2]), w }).toNumbers()).toEqual([1, 4])
    expect(project.runSync({ x: NDArray.from([1, 2, 3, 4], [2, 2]), w }).toNumbers()).toEqual([1, 4, 3, 8])
    expect(project.stats()).toHaveLength(1)
  })
})
