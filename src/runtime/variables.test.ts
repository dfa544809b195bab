import { describe, expect, it } from 'vitest'
import { matmul, normal, type Tensor, variable } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { jit } from './jit.ts'
import { failure as failureOf } from './testing/failure.ts'
import { Variables } from './variables.ts'

const project = ({ x }: { x: Tensor }) =>
  matmul(x, variable('layer.weight', { dtype: 'f32', shape: [4, 3] }, normal(0.5)))
const ones = () => NDArray.from([1, 1, 1, 1], [1, 4])

describe('variables', () => {
  it('begin by their seed and name alone', async () => {
    const run = async (seed: number) => {
      using variables = new Variables(seed)
      using compiled = jit(project, { variables })
      using x = ones()
      await compiled.run({ x })
      return variables.get('layer.weight')?.toNumbers()
    }
    expect(await run(5)).toEqual(await run(5))
    expect(await run(5)).not.toEqual(await run(6))
  })

  it('say which of them is not finite, and where', async () => {
    using variables = new Variables(1)
    using compiled = jit(project, { variables })
    using x = ones()
    await compiled.run({ x })
    variables.assertFinite()
    const weight = variables.get('layer.weight') as NDArray<'f32'>
    weight.data[7] = Number.NaN
    const failure = await failureOf(() => variables.assertFinite())
    expect(failure.code).toBe('not-finite')
    expect(failure.message).toContain('layer.weight is not finite at element 7')
  })

  it('are refused in another shape than the graph has', async () => {
    using variables = new Variables(1)
    variables.set('layer.weight', NDArray.zeros([3, 4]))
    using compiled = jit(project, { variables })
    using x = ones()
    const failure = await failureOf(() => compiled.run({ x }))
    expect(failure.code).toBe('variable-mismatch')
    expect(failure.message).toContain('layer.weight')
  })
})
