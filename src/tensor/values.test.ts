import { describe, expect, it } from 'vitest'
import { distance, runCase } from '../runtime/testing/run-case.ts'
import { label, type OperatorCase, valuesOf } from './testing/case.ts'
import { cases } from './testing/cases/index.ts'
import type { Plain } from './testing/plain.ts'

const withReference = cases.filter(({ reference }) => reference)
const byName = withReference.map((operatorCase) => [label(operatorCase), operatorCase] as const)

function expected(operatorCase: OperatorCase, batch: number): readonly Plain[] {
  const found = operatorCase.reference?.(valuesOf(operatorCase, batch)) as Plain | readonly Plain[]
  return 'data' in found ? [found] : found
}

function worst(found: readonly Plain[], wanted: readonly Plain[]): number {
  return wanted.reduce((max, plain, index) => Math.max(max, distance(found[index] as Plain, plain)), 0)
}

describe('values of every operator against plain JavaScript', () => {
  it.each(byName)('%s', (_, operatorCase) => {
    const { tolerance = 2e-5, gradient } = operatorCase
    for (const kernels of [true, false]) {
      const [single] = runCase(operatorCase, [valuesOf(operatorCase)], 'f32', { kernels }) as [Plain[]]
      expect(worst(single, expected(operatorCase, 2)), kernels ? 'kernels' : 'stock').toBeLessThan(tolerance)
    }
    if (gradient === 'f32') return
    const [double] = runCase(operatorCase, [valuesOf(operatorCase)], 'f64') as [Plain[]]
    const states = operatorCase.operator === 'adamW' || operatorCase.operator === 'sgd'
    expect(worst(double, expected(operatorCase, 2))).toBeLessThan(states ? tolerance : 1e-12)
  })
})

describe('values with a named batch, for two batches from one compilation', () => {
  const named = byName.filter(([, { inputs }]) => Object.values(inputs).some(({ shape }) => shape.includes('batch')))

  it.each(named)('%s', (_, operatorCase) => {
    const dimensions = Object.fromEntries(Object.entries(operatorCase.inputs).map(([name, { shape }]) => [name, shape]))
    const batches = [3, 2, 5]
    const found = runCase(
      operatorCase,
      batches.map((batch) => valuesOf(operatorCase, batch)),
      'f32',
      { dimensions },
    )
    batches.forEach((batch, index) => {
      expect(worst(found[index] as Plain[], expected(operatorCase, batch))).toBeLessThan(operatorCase.tolerance ?? 2e-5)
    })
  })
})
