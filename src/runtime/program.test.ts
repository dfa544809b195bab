import { describe, expect, it } from 'vitest'
import { add, assign, multiply, trace, variable } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { Program, type ProgramOptions } from './program.ts'
import { Variables } from './variables.ts'

/** Adds its input to a sum, and gives the sum and twice the input. */
function summing(options: ProgramOptions) {
  const variables = new Variables()
  variables.set('sum', NDArray.zeros([2]))
  const { graph } = trace(
    ({ x }) => {
      const sum = variable('sum', { dtype: 'f32', shape: [2] })
      const after = add(sum, x)
      assign(sum, after)
      return [add(after, 0), multiply(x, 2)]
    },
    { x: { dtype: 'f32', shape: [2] } } as const,
  )
  return { variables, program: Program.compileSync(graph, variables, options) }
}

describe('a kept run', () => {
  it('reads inputs that are filled anew and writes the same results, state going on', async () => {
    const { program, variables } = summing({})
    using input = NDArray.from([1, 2])
    const kept = program.keep([input])
    const first = await kept.run()
    expect(first?.map((result) => result?.toNumbers())).toEqual([
      [1, 2],
      [2, 4],
    ])
    input.data.set([10, 20])
    const second = await kept.run()
    expect(second).toEqual(first)
    expect(second?.[0]).toBe(first?.[0])
    expect(second?.map((result) => result?.toNumbers())).toEqual([
      [11, 22],
      [20, 40],
    ])
    // Runs that are not kept go on with the same state.
    expect((await program.run([input]))[0]?.toNumbers()).toEqual([21, 42])
    const brief = program.keep([input], [1])
    expect((await brief.run())?.map((result) => result?.toNumbers())).toEqual([[31, 62], undefined])
    kept.dispose()
    brief.dispose()
    expect(() => first?.[0]?.data).toThrow(/disposed/)
    expect(input.toNumbers()).toEqual([10, 20])
    program.dispose()
    variables.dispose()
  })

  it('is not there where state moves between two buffers', () => {
    const { program, variables } = summing({ state: 'swapped' })
    using input = NDArray.from([1, 2])
    expect(program.canKeep).toBe(false)
    expect(() => program.keep([input])).toThrow(/moves from one buffer to another/)
    program.dispose()
    variables.dispose()
  })
})
