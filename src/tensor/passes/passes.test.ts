import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { lowerGraph } from '../../runtime/lower.ts'
import { createSessionSync } from '../../runtime/session.ts'
import { arraysOf } from '../../runtime/testing/run-case.ts'
import {
  add,
  barrier,
  checkpoint,
  constant,
  divide,
  exp,
  fill,
  type Graph,
  gradients,
  matmul,
  multiply,
  optimize,
  power,
  sigmoid,
  subtract,
  sum,
  type Target,
  type Tensor,
  type TensorType,
  tanh,
  trace,
} from '../index.ts'
import { differentiable, extents, label, type OperatorCase, outputsOf, valuesOf } from '../testing/case.ts'
import { cases } from '../testing/cases/index.ts'
import { expandComposites, foldConstants, mergeCommon, type Pass, useBfloat16 } from './index.ts'

const target: Target = { device: 'cpu', kernels: new Set() }
const expand: Pass = (graph) => expandComposites(graph, target)

/** Results of a graph that holds nothing but operators with a stock form. */
function run(graph: Graph, arrays: Readonly<Record<string, NDArray>>): number[][] {
  const { model, inputs, outputs } = lowerGraph(graph, target)
  using session = createSessionSync(model, { threads: 1 })
  const found = session.runSync(Object.fromEntries(inputs.map(({ name }) => [name, arrays[name] as NDArray])))
  return outputs.map(({ name }) => (found[name] as NDArray).toNumbers())
}

const count = (graph: Graph, operator: string): number =>
  graph.nodes.filter((node) => node.operator.name === operator).length

function graphOf(body: (...inputs: Tensor[]) => Tensor | readonly Tensor[], ...types: TensorType[]): Graph {
  return trace((inputs: readonly Tensor[]) => body(...inputs), types).graph
}

const vector: TensorType = { dtype: 'f32', shape: [4] }

describe('passes leave results as they are', () => {
  // Every operator, its gradient where it has one, in f32.
  const all = cases.map((operatorCase) => [label(operatorCase), operatorCase] as const)

  it.each(all)('%s', (_, operatorCase) => {
    const graph = traced(operatorCase)
    const arrays = arraysOf(operatorCase, valuesOf(operatorCase), 'f32')
    const plain = run(expand(graph), arrays)
    const changed: Record<string, Graph> = {
      'fold before': expand(foldConstants(graph)),
      'fold after': foldConstants(expand(graph)),
      merge: mergeCommon(expand(graph)),
      all: optimize(graph, target),
    }
    for (const [name, optimized] of Object.entries(changed)) {
      // The same numbers; the sign of a zero may differ.
      expect(run(optimized, arrays).map(unsigned), name).toEqual(plain.map(unsigned))
    }
  })
})

const unsigned = (values: readonly number[]): number[] => values.map((value) => value + 0)

/** Outputs of a case and their gradients, in f32. */
function traced(operatorCase: OperatorCase): Graph {
  const specs = Object.fromEntries(
    Object.entries(operatorCase.inputs).map(([name, { shape, dtype }]): [string, TensorType] => [
      name,
      { dtype: dtype === 'float' ? 'f32' : dtype, shape: extents(shape) },
    ]),
  )
  return trace((inputs) => {
    const outputs = outputsOf(operatorCase, inputs)
    if (operatorCase.gradient === 'none') return outputs
    const losses = outputs.filter(({ dtype }) => dtype === 'f32').map((output) => sum(multiply(output, 0.7)))
    const wrt = differentiable(operatorCase).map((name) => inputs[name] as Tensor)
    return [...outputs, ...gradients(losses.reduce(add, constant(0)), wrt)]
  }, specs).graph
}

describe('mergeCommon', () => {
  it('computes equal calls once, and what differs in an attribute twice', () => {
    const graph = graphOf((x) => {
      const a = multiply(exp(x as Tensor), exp(x as Tensor))
      const scaled = [2, 2, 3].map((factor) => multiply(x as Tensor, factor))
      return [a, ...scaled, divide(x as Tensor, 0), divide(x as Tensor, -0)]
    }, vector)
    expect(count(graph, 'exp')).toBe(2)
    const merged = mergeCommon(graph)
    expect(count(merged, 'exp')).toBe(1)
    expect(count(merged, 'multiply')).toBe(3)
    expect(count(merged, 'divide')).toBe(2)
    const [, first, second] = run(merged, { '0': NDArray.from([1, 2, 3, 4]) })
    expect(first).toEqual(second)
  })
})

describe('foldConstants', () => {
  it('removes neutral operands and arithmetic on constants, and keeps shapes', () => {
    const graph = foldConstants(
      graphOf((x) => {
        const same = subtract(multiply(add(x as Tensor, 0), 1), fill([4], 0))
        return [add(same, fill([2, 4], 0)), multiply(x as Tensor, multiply(constant(2), constant(3)))]
      }, vector),
    )
    expect(graph.outputs.map(({ shape }) => shape)).toEqual([[2, 4], [4]])
    expect([count(graph, 'add'), count(graph, 'subtract'), count(graph, 'multiply')]).toEqual([0, 0, 1])
    expect(run(graph, { '0': NDArray.from([1, 2, 3, 4]) })).toEqual([
      [1, 2, 3, 4, 1, 2, 3, 4],
      [6, 12, 18, 24],
    ])
  })

  it('leaves what only looks neutral: 0 − x, 1 / x, x to the power 1 in other places', () => {
    const graph = foldConstants(
      graphOf((x) => [subtract(0, x as Tensor), divide(1, x as Tensor), power(x as Tensor, 2)], vector),
    )
    expect(run(graph, { '0': NDArray.from([1, 2, 4, 8]) })).toEqual([
      [-1, -2, -4, -8],
      [1, 0.5, 0.25, 0.125],
      [1, 4, 16, 64],
    ])
  })
})

describe('checkpointing', () => {
  const network = (x: Tensor, layer: <Result>(name: string, body: () => Result) => Result): readonly Tensor[] => {
    let h = x
    for (let index = 0; index < 3; index++) {
      const before = h
      h = layer(`layer ${index}`, () => tanh(exp(multiply(sigmoid(before), 0.5))))
    }
    return [sum(h), ...gradients(sum(multiply(h, h)), [x])]
  }
  const kept = graphOf((x) => network(x as Tensor, (_, body) => body()), vector)
  const recomputed = graphOf((x) => network(x as Tensor, checkpoint), vector)

  it('computes every layer a second time after optimisation too, from behind a barrier', () => {
    const [without, within] = [optimize(kept, target), optimize(recomputed, target)]
    expect(count(without, 'tanh')).toBe(3)
    expect(count(within, 'tanh')).toBe(6)
    expect(count(within, 'exp')).toBe(6)
    expect(count(within, 'barrier')).toBeGreaterThanOrEqual(2)
  })

  it('gives the same bits', () => {
    const arrays = { '0': NDArray.from([0.3, -2, 5, 1]) }
    expect(run(optimize(recomputed, target), arrays)).toEqual(run(optimize(kept, target), arrays))
  })
})

describe('barrier', () => {
  it.each(['f32', 'f64', 'i64'] as const)('passes %s through behind any value, NaN and infinities too', (dtype) => {
    for (const shape of [[], [1], [2, 2]]) {
      for (const value of dtype === 'i64'
        ? [0, -5, 7]
        : [0, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const graph = graphOf((x, after) => barrier(x as Tensor, after as Tensor), vector, { dtype, shape })
        const size = shape.reduce((product, extent) => product * extent, 1)
        const after = NDArray.from(Array(size).fill(value), shape, dtype)
        expect(run(graph, { '0': NDArray.from([1, Number.NaN, 3, -4]), '1': after })).toEqual([[1, Number.NaN, 3, -4]])
      }
    }
  })
})

describe('useBfloat16', () => {
  it('asks for bf16 in every product of the forward and the backward pass', () => {
    const matrix: TensorType = { dtype: 'f32', shape: [3, 3] }
    const graph = graphOf(
      (a, b) => gradients(sum(matmul(a as Tensor, b as Tensor)), [a as Tensor, b as Tensor]),
      matrix,
      matrix,
    )
    const asked = useBfloat16(graph).nodes.filter(({ operator }) => operator.name === 'matmul')
    expect(asked.map(({ attributes }) => attributes.precision)).toEqual(['bf16', 'bf16'])
  })
})
