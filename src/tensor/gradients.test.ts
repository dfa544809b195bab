import { describe, expect, it } from 'vitest'
import { checkGradient, gradientsOf } from '../runtime/testing/gradient-check.ts'
import { arraysOf, distance } from '../runtime/testing/run-case.ts'
import { type Dimension, operators, type TensorType, trace } from './index.ts'
import { differentiable, extents, gradientCase, label, type OperatorCase, outputsOf, valuesOf } from './testing/case.ts'
import { cases } from './testing/cases/index.ts'
import { Plain } from './testing/plain.ts'

const differentiated = cases.filter((operatorCase) => operatorCase.gradient !== 'none')
const named = (list: readonly OperatorCase[]) =>
  list.map((operatorCase) => [label(operatorCase), operatorCase] as const)

/** Floating outputs of a case: what a loss can be made of. */
const body = (operatorCase: OperatorCase) => (inputs: Parameters<OperatorCase['build']>[0]) =>
  outputsOf(operatorCase, inputs).filter(({ dtype }) => dtype === 'f32' || dtype === 'f64')

/** f64 sees errors of 1e-7; where ONNX Runtime has no f64, larger steps in f32 see those of half a percent. */
function check(operatorCase: OperatorCase, threads: number) {
  const double = operatorCase.gradient !== 'f32'
  const precision = double ? { step: 1e-5, tolerance: 1e-7 } : { step: 2e-2, tolerance: 5e-3 }
  const arrays = arraysOf(operatorCase, valuesOf(operatorCase), double ? 'f64' : 'f32')
  return checkGradient(body(operatorCase), arrays, { by: differentiable(operatorCase), threads, ...precision })
}

describe('gradients against central differences', () => {
  it.each(named(differentiated))('%s', (_, operatorCase) => {
    expect(check(operatorCase, 1)).toEqual([])
    expect(check(operatorCase, 2)).toEqual([])
  })
})

describe.each([
  ['native kernels', true],
  ['stock operators', false],
])('gradients in f32 by %s against those in f64', (_form, kernels) => {
  const both = differentiated.filter(({ gradient }) => gradient !== 'f32')

  it.each(named(both))('%s', (_, operatorCase) => {
    const by = differentiable(operatorCase)
    const values = valuesOf(operatorCase)
    const single = gradientsOf(body(operatorCase), arraysOf(operatorCase, values, 'f32'), by, { threads: 2, kernels })
    const double = gradientsOf(body(operatorCase), arraysOf(operatorCase, values, 'f64'), by, { threads: 2 })
    for (const name of by) {
      const [found, exact] = [single.get(name), double.get(name)].map(
        (array) => new Plain(array?.shape ?? [], array?.toNumbers() ?? []),
      ) as [Plain, Plain]
      expect(distance(found, exact), name).toBeLessThan(operatorCase.tolerance ?? 2e-5)
    }
  })
})

describe('gradients of gradients', () => {
  const smooth = differentiated
    .filter(({ second }) => second)
    .map((operatorCase) => gradientCase(operatorCase, operatorCase.operator, ...outputShapes(operatorCase)))

  it.each(named(smooth))('%s', (_, operatorCase) => {
    expect(check(operatorCase, 2)).toEqual([])
  })
})

/** Types of the floating outputs of a case. */
function outputShapes(operatorCase: OperatorCase): Dimension[][] {
  return traced(operatorCase).outputs.map(({ shape }) => [...shape])
}

/** The graph of a case in f32, before any pass. */
function traced(operatorCase: OperatorCase, batch: 'batch' | 2 = 2) {
  const specs = Object.fromEntries(
    Object.entries(operatorCase.inputs).map(([name, { shape, dtype }]): [string, TensorType] => [
      name,
      { dtype: dtype === 'float' ? 'f32' : dtype, shape: batch === 2 ? extents(shape) : shape },
    ]),
  )
  return trace((inputs) => outputsOf(operatorCase, inputs), specs).graph
}

describe('the op table', () => {
  it('has a case for every operator, with its gradient unless the operator is constant', () => {
    const proven = (list: readonly OperatorCase[]) =>
      new Set(
        list.filter((operatorCase) => appears(operatorCase.operator, operatorCase)).map(({ operator }) => operator),
      )
    const [values, gradients] = [proven(cases), proven(differentiated)]
    const table = operators().filter(({ name }) => name !== 'input')
    expect(table.filter(({ name }) => !values.has(name)).map(({ name }) => name)).toEqual([])
    expect(table.filter(({ name, constant }) => !constant && !gradients.has(name)).map(({ name }) => name)).toEqual([])
  })

  it('is named by its cases truly', () => {
    const wrong = cases.filter((operatorCase) => !appears(operatorCase.operator, operatorCase))
    expect(wrong.map(label)).toEqual([])
  })
})

/** Whether an operator is part of what a case computes. */
function appears(operator: string, operatorCase: OperatorCase): boolean {
  return traced(operatorCase, 'batch').nodes.some((node) => node.operator.name === operator)
}
