import { expect, it } from 'vitest'
import { reshape, type Tensor, trace } from '../tensor/index.ts'
import { lowerGraph } from './lower.ts'

it('puts together a shape with named extents once, however many tensors take it', () => {
  const nodes = (count: number) => {
    const { graph } = trace(
      ({ x }: { readonly x: Tensor }) =>
        Array.from({ length: count }, (_, at) =>
          reshape(x, ['batch', 'time', 2, 4].with(2 + (at % 2), 2).with(3 - (at % 2), 4)),
        ),
      { x: { dtype: 'f32', shape: ['batch', 'time', 8] } } as const,
    )
    return lowerGraph(graph, { device: 'cpu', kernels: new Set() }).nodeCount
  }
  // Each reshape is one node, and each of the two shapes one more.
  expect(nodes(12) - nodes(2)).toBe(10)
})
