import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { distance } from '../../runtime/testing/run-case.ts'
import { add, fill, gradients, multiply, scatterElements, slice, sum, type Tensor } from '../../tensor/index.ts'
import { Plain } from '../../tensor/testing/plain.ts'
import { gatedFeedForward } from '../feed-forward.ts'
import { Scope } from '../scope.ts'
import { mixture } from './mixture.ts'
import { type Routing, softmaxRouting } from './routing.ts'

const [experts, chosen, tokens, width, hidden] = [5, 2, 7, 6, 4]

/** Every expert computes every token, and those it was not chosen for count nothing. */
function dense(scope: Scope, x: Tensor, { experts: places, weights }: Routing): Tensor {
  const shares = scatterElements(fill([x.shape[0] ?? 0, experts], 0, x.dtype), places, weights)
  const outputs = Array.from({ length: experts }, (_, expert) => {
    const share = slice(shares, { 1: { start: expert, end: expert + 1 } })
    return multiply(gatedFeedForward(scope.child(String(expert)), x, { hidden }), share)
  })
  return outputs.reduce(add)
}

const smooth = (shape: readonly number[]) =>
  NDArray.from(
    Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, (_, at) => Math.sin(at * 1.3 + 0.2)),
    shape,
  )

type Layer = (scope: Scope, x: Tensor, routing: Routing) => Tensor
const sparse: Layer = (scope, x, routing) => mixture(scope, x, routing, experts, { hidden })

/** The layer's outputs and its gradients by the tokens, the router and every expert. */
function outputsOf(layer: Layer, kernels: boolean, dimensions = {}): Plain[] {
  using run = jit(
    ({ x }: { x: Tensor }) => {
      const scope = new Scope()
      const routing = softmaxRouting(scope.child('gate'), x, { experts, chosen, normalised: true })
      const y = layer(scope.child('experts'), x, routing)
      const known = [...scope.parameters].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ tensor }) => tensor)
      return [y, ...gradients(sum(multiply(y, y)), [x, ...known])]
    },
    { kernels, dimensions },
  )
  const found = run.runSync({ x: smooth([tokens, width]) }) as readonly NDArray[]
  return found.map((array) => new Plain(array.shape, array.toNumbers()))
}

describe('mixture', () => {
  it.each([
    ['native kernels', true, {}],
    ['stock operators', false, {}],
    ['a named number of tokens', true, { x: ['tokens', width] }],
  ])('gives what a dense layer of all experts gives, with its gradients, by %s', (_, kernels, dimensions) => {
    const [found, expected] = [outputsOf(sparse, kernels, dimensions), outputsOf(dense, false)]
    expect(found).toHaveLength(3 + 3 * experts)
    for (const [index, plain] of found.entries()) expect(distance(plain, expected[index] as Plain)).toBeLessThan(1e-5)
  })
})
