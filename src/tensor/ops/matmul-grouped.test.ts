import { describe, expect, it } from 'vitest'
import { distance, runCase } from '../../runtime/testing/run-case.ts'
import { groupedMatmul, trace } from '../index.ts'
import { label, type OperatorCase, outputsOf, valuesOf } from '../testing/case.ts'
import { expertCases } from '../testing/cases/experts.ts'
import type { Plain } from '../testing/plain.ts'

/** The same case by the composite of its operator, which only WebGPU takes by itself. */
function composed(operatorCase: OperatorCase): OperatorCase {
  return {
    ...operatorCase,
    build: (inputs) =>
      outputsOf(operatorCase, inputs).map(({ node, index }) => {
        const outputs = node.operator.composite?.(node.inputs, node.attributes) ?? []
        return outputs[index] ?? expect.unreachable(`${node.operator.name} has no composite`)
      }),
  }
}

describe('the products of experts', () => {
  it.each(expertCases.map((operatorCase) => [label(operatorCase), operatorCase] as const))(
    '%s is what its composite gives',
    (_, operatorCase) => {
      const values = [valuesOf(operatorCase)]
      const [found] = runCase(operatorCase, values, 'f64') as [Plain[]]
      const [expected] = runCase(composed(operatorCase), values, 'f64') as [Plain[]]
      expect(found).toHaveLength(expected.length)
      for (const [index, plain] of found.entries())
        expect(distance(plain, expected[index] as Plain)).toBeLessThan(1e-12)
    },
  )

  it.each([
    ['offsets of another number of experts', [4, 3], [3, 5], [3], /offsets of 1 experts must be i64\[2\]/],
    ['weights that sum over another width', [4, 3], [2, 5], [2], /3 columns of a do not meet the 2 numbers/],
    ['rows in more axes', [4, 3, 1], [3, 5], [2], /a must have 2 axes/],
  ])('refuses %s', (_, a, weight, offsets, message) => {
    const types = {
      a: { dtype: 'f32' as const, shape: a },
      weight: { dtype: 'f32' as const, shape: weight },
      offsets: { dtype: 'i64' as const, shape: offsets },
    }
    expect(() => trace(({ a, weight, offsets }) => groupedMatmul(a, [weight], offsets), types)).toThrow(message)
  })
})
