import { describe, expect, it } from 'vitest'
import { NDArray } from '../../src/runtime/array.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import type { AttributeValue } from '../../src/runtime/onnx/attribute.ts'
import { OnnxModel } from '../../src/runtime/onnx/model.ts'
import { createSessionSync, type Session } from '../../src/runtime/session.ts'
import type { DType } from '../../src/tensor/dtype.ts'

/** A value of one node: its dtype and shape, or undefined where the node leaves it out. */
type Port = { readonly dtype: DType; readonly shape: readonly number[] } | undefined

const f32 = (...shape: number[]): Port => ({ dtype: 'f32', shape })
const bf16 = (...shape: number[]): Port => ({ dtype: 'bf16', shape })
const i64 = (...shape: number[]): Port => ({ dtype: 'i64', shape })
const u8 = (...shape: number[]): Port => ({ dtype: 'u8', shape })

interface Node {
  readonly operator: string
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly attributes?: Readonly<Record<string, AttributeValue>>
}

const library = kernelLibrary()

/** A session of one node of the domain r1, whose inputs are i0, i1 … and outputs o0, o1 … */
function sessionOf({ operator, inputs, outputs, attributes }: Node, threads = 2): Session {
  const model = new OnnxModel()
  const name = (letter: string) => (port: Port, index: number) => (port ? `${letter}${index}` : '')
  inputs.forEach((port, index) => {
    if (port) model.input(`i${index}`, port.dtype, port.shape)
  })
  outputs.forEach((port, index) => {
    if (port) model.output(`o${index}`, port.dtype, port.shape)
  })
  const node = { operator, inputs: inputs.map(name('i')), outputs: outputs.map(name('o')), domain: 'r1' }
  model.node(attributes ? { ...node, attributes } : node)
  return createSessionSync(model.encode(), { threads, libraries: [library.path as string] })
}

/** Smooth numbers between 0.1 and 0.9, whole ones from 0 to 3 for integers: fit for every input of every operator. */
function feedsOf({ inputs }: Node): Record<string, NDArray> {
  const feeds: Record<string, NDArray> = {}
  inputs.forEach((port, index) => {
    if (!port) return
    const array = NDArray.zeros(port.shape, port.dtype)
    const { data } = array
    for (let i = 0; i < array.size; i++) {
      if (data instanceof BigInt64Array) data[i] = BigInt((i * 7) % 4)
      else if (data instanceof Float32Array) data[i] = 0.5 + 0.4 * Math.sin(i * 1.7 + index)
    }
    feeds[`i${index}`] = array
  })
  return feeds
}

const T = 6
const D = 20
const V = 9

/** Each operator twice where it has optional ports: with none of them, and with all. */
const nodes: Node[] = [
  {
    operator: 'MatMulQuantised',
    inputs: [f32(2, 3, 64), undefined, undefined, u8(640), u8(1088)],
    outputs: [f32(2, 3, 16), f32(2, 3, 9)],
    attributes: { weights: 'Q4_1 16, Q8_0 9' },
  },
  {
    operator: 'MatMulQuantised',
    inputs: [f32(T, 64), f32(64), f32(T, 16), u8(640), f32(16)],
    outputs: [f32(T, 16)],
    attributes: { weights: 'Q4_1 16', biases: 1, phase: 'prefill', epsilon: { float: 1e-5 } },
  },
  {
    operator: 'GatherQuantised',
    inputs: [u8(640), i64(2, 3)],
    outputs: [f32(2, 3, 64)],
    attributes: { type: 'Q4_1', rows: 16, columns: 64 },
  },
  {
    operator: 'GroupedMatMulQuantised',
    inputs: [f32(T, 64), i64(2), u8(640), u8(640)],
    outputs: [f32(T, 16)],
    attributes: { weights: 'Q4_1 16, Q4_1 16', activation: 'silu' },
  },
  {
    operator: 'CachedLatentAttention',
    inputs: [f32(2, 1, 3, D), f32(2, 1, D), f32(2, 8, D), i64(2)],
    outputs: [f32(2, 1, 3, 12), f32(2, 8, D)],
    attributes: { values: 12 },
  },
  {
    operator: 'CachedLatentAttention',
    inputs: [f32(1, 2, 3, D), f32(1, 2, D), f32(4, 8, D), i64(1), i64(1), i64(1, 2)],
    outputs: [f32(1, 2, 3, 12), f32(4, 8, D)],
    attributes: { values: 12, scale: { float: 0.3 } },
  },
  {
    operator: 'ExpertDispatch',
    inputs: [i64(T, 2)],
    outputs: [i64(2 * T), i64(T, 2), i64(5)],
    attributes: { experts: 4 },
  },
  { operator: 'RmsNorm', inputs: [f32(2, 3, D), f32(D)], outputs: [f32(2, 3, D)] },
  {
    operator: 'RmsNorm',
    inputs: [f32(T, D), f32(D), f32(T, D)],
    outputs: [f32(T, D), f32(T, 1), f32(T, D)],
    attributes: { epsilon: { float: 1e-5 } },
  },
  { operator: 'RmsNormGradient', inputs: [f32(T, D), f32(T, D), f32(D), f32(T, 1)], outputs: [f32(T, D)] },
  {
    operator: 'RmsNormGradient',
    inputs: [f32(T, D), f32(T, D), f32(D), f32(T, 1), f32(T, D)],
    outputs: [f32(T, D), f32(D)],
  },
  { operator: 'LayerNorm', inputs: [f32(T, D), f32(D)], outputs: [f32(T, D)] },
  {
    operator: 'LayerNorm',
    inputs: [f32(T, D), f32(D), undefined, f32(T, D)],
    outputs: [f32(T, D), undefined, f32(T, 1), f32(T, D)],
  },
  {
    operator: 'LayerNormGradient',
    inputs: [f32(T, D), f32(T, D), f32(D), f32(T, 1), f32(T, 1), f32(T, D)],
    outputs: [f32(T, D), f32(D), f32(D)],
  },
  { operator: 'RmsNormBf16', inputs: [f32(T, D), f32(D)], outputs: [bf16(T, D), f32(T, 1)] },
  { operator: 'SwiGLUBf16', inputs: [f32(T, D), f32(T, D)], outputs: [bf16(T, D)] },
  {
    operator: 'SwiGLUGradientBf16',
    inputs: [f32(T, D), f32(T, D), f32(T, D)],
    outputs: [bf16(T, D), bf16(T, D)],
  },
  { operator: 'GeGLUBf16', inputs: [f32(T, D), f32(T, D)], outputs: [bf16(T, D)] },
  {
    operator: 'GeGLUGradientBf16',
    inputs: [f32(T, D), f32(T, D), f32(T, D)],
    outputs: [bf16(T, D), bf16(T, D)],
  },
  { operator: 'SwiGLU', inputs: [f32(T, D), f32(T, D)], outputs: [f32(T, D)] },
  { operator: 'SwiGLU', inputs: [f32(T, 2 * D)], outputs: [f32(T, D)] },
  {
    operator: 'SwiGLUGradient',
    inputs: [f32(T, D), f32(T, D), f32(T, D)],
    outputs: [f32(T, D), f32(T, D)],
  },
  { operator: 'SwiGLUGradient', inputs: [f32(T, D), f32(T, 2 * D)], outputs: [f32(T, 2 * D)] },
  { operator: 'GeGLU', inputs: [f32(T, D), f32(T, D)], outputs: [f32(T, D)], attributes: { approximate: 'tanh' } },
  { operator: 'GeGLUGradient', inputs: [f32(T, D), f32(T, 2 * D)], outputs: [f32(T, 2 * D)] },
  { operator: 'Gelu', inputs: [f32(T, D)], outputs: [f32(T, D)] },
  { operator: 'GeluGradient', inputs: [f32(T, D), f32(T, D)], outputs: [f32(T, D)] },
  { operator: 'Rope', inputs: [f32(2, 3, 2, 10), f32(4, 5), f32(4, 5)], outputs: [f32(2, 3, 2, 10)] },
  {
    operator: 'RopeGradient',
    inputs: [f32(2, 3, 20), f32(4, 4), f32(4, 4), i64(2, 3)],
    outputs: [f32(2, 3, 20)],
    attributes: { heads: 2, rotated_heads: 1, interleaved: 1 },
  },
  { operator: 'CrossEntropy', inputs: [f32(2, 3, V), i64(2, 3)], outputs: [f32(2, 3)] },
  {
    operator: 'CrossEntropy',
    inputs: [f32(T, V), i64(T), f32(T)],
    outputs: [f32(T), f32(T), f32(T, V)],
    attributes: { ignore_index: 0 },
  },
  { operator: 'CrossEntropyGradient', inputs: [f32(T), f32(T, V), i64(T), f32(T)], outputs: [f32(T, V)] },
  { operator: 'TokenLogProbabilities', inputs: [f32(T, V), i64(T)], outputs: [f32(T), undefined, f32(T)] },
  {
    operator: 'TokenLogProbabilitiesGradient',
    inputs: [f32(T), f32(T, V), i64(T), f32(T), f32(T), f32(T)],
    outputs: [f32(T, V)],
    attributes: { temperature: { float: 0.7 } },
  },
  { operator: 'LinearCrossEntropy', inputs: [f32(2, 3, D), f32(V, D), i64(2, 3)], outputs: [f32(2, 3)] },
  {
    operator: 'LinearCrossEntropyGradient',
    inputs: [f32(T), f32(T, D), f32(V, D), i64(T)],
    outputs: [f32(T, D), f32(V, D), f32(T)],
  },
  {
    operator: 'LinearCrossEntropyGradient',
    inputs: [f32(T), f32(T, D), f32(V, D), i64(T), f32(T), f32(T)],
    outputs: [f32(T, D), undefined, undefined, f32(T), f32(T)],
    attributes: { precision: 'f32', chunk: 4, ignore_index: 1 },
  },
  {
    operator: 'EmbeddingGradient',
    inputs: [i64(2, 3), f32(2, 3, D)],
    outputs: [f32(V, D)],
    attributes: { vocabulary: V },
  },
  { operator: 'EmbeddingGradient', inputs: [i64(T), f32(T, D), f32(V, D)], outputs: [f32(V, D)] },
]

describe.skipIf(library.path === undefined)(`native kernels (${library.reason})`, () => {
  it.each(nodes.map((node) => [`${node.operator} of ${node.inputs.length} inputs`, node] as const))(
    'ONNX Runtime runs %s',
    (_, node) => {
      using session = sessionOf(node)
      const results = session.runSync(feedsOf(node))
      for (const array of Object.values(results)) expect(array.toNumbers().every(Number.isFinite)).toBe(true)
      expect(Object.keys(results)).toHaveLength(node.outputs.filter(Boolean).length)
    },
  )

  it('names the operator and the shapes when they do not fit', () => {
    const node: Node = { operator: 'RmsNorm', inputs: [f32(4, 8), f32(7)], outputs: [f32(4, 8)] }
    using session = sessionOf(node)
    expect(() => session.runSync(feedsOf(node))).toThrow(
      /RmsNorm: weight must be as long as a row of x \(inputs: \[4,8\], \[7\]/,
    )
  })

  it('gives the same bits on one thread and on two', () => {
    const wide: Node[] = [
      {
        operator: 'RmsNormGradient',
        inputs: [f32(600, 256), f32(600, 256), f32(256), f32(600, 1)],
        outputs: [f32(600, 256), f32(256)],
      },
      {
        operator: 'EmbeddingGradient',
        inputs: [i64(4000), f32(4000, 64), f32(300, 64)],
        outputs: [f32(300, 64)],
      },
      {
        operator: 'LinearCrossEntropyGradient',
        inputs: [f32(300), f32(300, 64), f32(500, 64), i64(300)],
        outputs: [f32(300, 64), f32(500, 64), f32(300)],
        attributes: { chunk: 128 },
      },
    ]
    for (const node of wide) {
      const [one, two] = [1, 2].map((threads) => {
        using session = sessionOf(node, threads)
        return Object.values(session.runSync(feedsOf(node))).map((array) => Buffer.from(array.bytes).toString('base64'))
      })
      expect(two).toEqual(one)
    }
  })

  it('updates 300 tensors in their own memory in one node', () => {
    const count = 300
    const tensors = Array.from({ length: 4 * count }, (_, index) => f32(1 + (index % count)))
    const node: Node = {
      operator: 'AdamW',
      inputs: [f32(9), ...tensors],
      outputs: [f32(), ...tensors.slice(0, 3 * count)],
    }
    using session = sessionOf(node)
    const feeds: Record<string, NDArray> = feedsOf(node)
    const [rate, beta1, beta2, epsilon, decay] = [0.01, 0.9, 0.99, 1e-8, 0.1]
    feeds.i0 = NDArray.from([rate, beta1, beta2, epsilon, decay, 1 - beta1, 1 - beta2, 0, 1])
    const read = (index: number) => feeds[`i${index}`]?.toNumbers()[0] as number
    const last = count // number of the last parameter's input
    const [p, m, v, g] = [0, 1, 2, 3].map((group) => read(last + group * count)) as [number, number, number, number]
    const fetches = Object.fromEntries(
      Array.from({ length: 3 * count }, (_, index) => [`o${index + 1}`, feeds[`i${index + 1}`] as NDArray]),
    )
    session.runSync(feeds, fetches)
    const first = beta1 * m + (1 - beta1) * g
    const second = beta2 * v + (1 - beta2) * g * g
    const step = first / (1 - beta1) / (Math.sqrt(second / (1 - beta2)) + epsilon)
    expect(read(last + count)).toBeCloseTo(first, 6)
    expect(read(last + 2 * count)).toBeCloseTo(second, 6)
    expect(read(last)).toBeCloseTo(p * (1 - rate * decay) - rate * step, 6)
  })
})
