import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { kernelLibrary } from '../../runtime/kernels.ts'
import {
  add,
  type Graph,
  gradients,
  matmul,
  matmulCoded,
  optimize,
  rmsNorm,
  sum,
  swiglu,
  type Target,
  type Tensor,
  type TensorType,
  trace,
} from '../index.ts'
import { useBfloat16 } from './index.ts'

const plain = ['MatMul', 'MatMulMany', 'MatMulSum', 'RmsNorm', 'RmsNormGradient', 'SwiGLU', 'SwiGLUGradient']
const storing = ['RmsNormBf16', 'SwiGLUBf16', 'SwiGLUGradientBf16']
const target: Target = { device: 'cpu', kernels: new Set([...plain, ...storing]) }

const width = 32
const matrix: TensorType = { dtype: 'f32', shape: [width, width] }
const x: TensorType = { dtype: 'f32', shape: [2, 8, width] }
const weight: TensorType = { dtype: 'f32', shape: [width] }

/** A norm and a gated feed-forward layer around a residual, with all gradients. */
function layer([input, norm, gate, up, down]: readonly Tensor[]): readonly Tensor[] {
  const inputs = [input, norm, gate, up, down] as Tensor[]
  const [x, n, g, u, d] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor]
  const h = rmsNorm(x, n)
  const y = add(x, matmul(swiglu(matmul(h, g), matmul(h, u)), d))
  return [y, ...gradients(sum(y), inputs)]
}

const types = [x, weight, matrix, matrix, matrix]
const optimized = (body: (inputs: readonly Tensor[]) => readonly Tensor[], within: Target = target): Graph =>
  optimize(useBfloat16(trace(body, types).graph), within)

/** Operators with a result in bf16. */
const stored = (graph: Graph): string[] =>
  graph.nodes.flatMap(({ operator, outputs }) =>
    operator.name !== 'reshape' && outputs.some(({ dtype }) => dtype === 'bf16') ? [operator.name] : [],
  )

describe('storeBfloat16', () => {
  it('keeps in bf16 what products alone read', () => {
    expect(stored(optimized(layer)).sort()).toEqual(['rmsNorm', 'swiglu', 'swigluGradient'])
  })

  it('leaves in f32 what is a result, what something else reads too, and all without such kernels', () => {
    expect(stored(optimized(([x, n]) => [rmsNorm(x as Tensor, n as Tensor)]))).toEqual([])
    const alsoAdded = optimized(([x, n, w]) => {
      const h = rmsNorm(x as Tensor, n as Tensor)
      return [add(h, matmul(h, w as Tensor))]
    })
    expect(stored(alsoAdded)).toEqual([])
    expect(stored(optimized(layer, { ...target, kernels: new Set(plain) }))).toEqual([])
  })

  it('does so before weights that are stored as codes', () => {
    const coded: TensorType[] = [
      { dtype: 'u8', shape: [width, width / 2] },
      { dtype: 'f32', shape: [(width * width) / 64] },
    ]
    const graph = trace(
      ([x, n, codes, scales]) => {
        const [input, norm] = [x, n] as [Tensor, Tensor]
        const weight = { format: 'nf4', codes: codes as Tensor, scales: scales as Tensor } as const
        const h = rmsNorm(input, norm)
        const y = add(input, matmulCoded(swiglu(matmulCoded(h, weight), matmulCoded(h, weight)), weight))
        return [y, ...gradients(sum(y), [input, norm])]
      },
      [x, weight, ...coded],
    ).graph
    const kernels = new Set([...target.kernels, 'MatMulNF4'])
    const found = stored(optimize(useBfloat16(graph), { ...target, kernels }))
    expect(found.sort()).toEqual(['rmsNorm', 'swiglu', 'swigluGradient'])
    expect(stored(optimize(useBfloat16(graph), target))).toEqual([])
  })

  it('leaves f32 products alone', () => {
    expect(stored(optimize(trace(layer, types).graph, { ...target, nativeProduct: () => true }))).toEqual([])
  })

  it.runIf(/bf16|amx/.test(kernelLibrary().instructions ?? ''))(
    'gives the bits that rounding inside the products gives',
    () => {
      const values = (size: number, salt: number) => Array.from({ length: size }, (_, at) => Math.sin(at * 1.7 + salt))
      const arrays = types.map(({ shape }, at) => {
        const extents = shape.map(Number)
        return NDArray.from(
          values(
            extents.reduce((product, extent) => product * extent, 1),
            at,
          ),
          extents,
        )
      })
      const run = (alsoNorm: boolean) => {
        using step = jit(
          (inputs: readonly Tensor[]) => {
            const found = layer(inputs)
            // As results, the activations stay in f32.
            const h = rmsNorm(inputs[0] as Tensor, inputs[1] as Tensor)
            const y = swiglu(matmul(h, inputs[2] as Tensor), matmul(h, inputs[3] as Tensor))
            return alsoNorm ? [...found, h, y] : found
          },
          { precision: 'bf16' },
        )
        return (step.runSync(arrays) as readonly NDArray[]).slice(0, 6).map((array) => array.toNumbers())
      }
      expect(run(false)).toEqual(run(true))
    },
  )
})
