import { describe, expect, it } from 'vitest'
import { modelOf } from '../../models/families.ts'
import { crossEntropy, Scope, type ScopeOptions } from '../../nn/index.ts'
import {
  add,
  assign,
  broadcastTo,
  type Graph,
  gradients,
  iota,
  matmul,
  multiply,
  optimize,
  sum,
  type Target,
  type Tensor,
  type TensorType,
  trace,
} from '../index.ts'
import { useBfloat16 } from './index.ts'

const products = ['MatMul', 'MatMulMany', 'MatMulSum', 'MatMulLora', 'MatMulLoraGradient']
const target: Target = { device: 'cpu', kernels: new Set(products) }

const counts = (graph: Graph, ...operators: readonly string[]): number[] =>
  operators.map((name) => graph.nodes.filter((node) => node.operator.name === name).length)

const merged = (body: (...inputs: Tensor[]) => readonly Tensor[], ...types: readonly TensorType[]): Graph =>
  optimize(useBfloat16(trace((inputs: readonly Tensor[]) => body(...inputs), types).graph), target)

const matrix: TensorType = { dtype: 'f32', shape: [4, 4] }

/** Two layers of a Llama, forward and backward. */
function decoder(scopeOptions: ScopeOptions): Graph {
  const model = modelOf({
    model_type: 'llama',
    vocab_size: 32,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    intermediate_size: 32,
    max_position_embeddings: 16,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
  })
  const ids: TensorType = { dtype: 'i64', shape: [2, 8] }
  const { graph } = trace(
    ({ ids, targets }) => {
      const scope = new Scope(scopeOptions)
      const { hidden } = model.forward(scope, { ids, positions: broadcastTo(iota(8), [2, 8]) })
      const loss = crossEntropy(model.head(scope, hidden), targets)
      const parameters = scope.trainable.map(({ tensor }) => tensor)
      gradients(loss, parameters).forEach((gradient, at) => {
        assign(parameters[at] as Tensor, gradient)
      })
      return loss
    },
    { ids, targets: ids },
  )
  return optimize(useBfloat16(graph), target)
}

describe('mergeProducts', () => {
  it('makes query, key and value of one product, gate and up of another, and their gradients by x of one sum each', () => {
    expect(counts(decoder({}), 'matmulMany', 'matmulSum')).toEqual([4, 4])
  })

  it('makes one operator of the adapters that share x, and one of their gradients', () => {
    const accepts = (layer: string) => layer.endsWith('_proj')
    const graph = decoder({ adapter: { rank: 2, alpha: 4, accepts } })
    // A layer has four: query, key and value; output; gate and up; down. The x of the first three of all needs no gradient.
    expect(counts(graph, 'matmulLora', 'matmulLoraGradient')).toEqual([8, 10])
  })

  it('keeps apart what differs in an attribute or in x', () => {
    const graph = merged(
      (x, y, w, v) => {
        const [a, b, c] = [matmul(x as Tensor, w as Tensor), matmul(x as Tensor, v as Tensor, { transposeB: true })]
          .concat(matmul(y as Tensor, w as Tensor))
          .map((product) => sum(product))
        return [a as Tensor, b as Tensor, c as Tensor]
      },
      matrix,
      matrix,
      matrix,
      matrix,
    )
    expect(counts(graph, 'matmul', 'matmulMany')).toEqual([3, 0])
  })

  it('leaves products alone of which one needs another, and sums that something else reads in part', () => {
    const chained = merged(
      (x, w) => {
        const first = matmul(x as Tensor, w as Tensor)
        return [matmul(x as Tensor, first), first]
      },
      matrix,
      matrix,
    )
    expect(counts(chained, 'matmul', 'matmulMany')).toEqual([2, 0])
    const read = merged(
      (x, y, w) => {
        const [first, second] = [matmul(x as Tensor, w as Tensor), matmul(y as Tensor, w as Tensor)]
        return [add(first, second), multiply(second, 2)]
      },
      matrix,
      matrix,
      matrix,
    )
    expect(counts(read, 'matmulSum')).toEqual([0])
  })

  it('adds a residual inside the sum', () => {
    const graph = merged(
      (x, y, w, v) => [add(x as Tensor, add(matmul(x as Tensor, w as Tensor), matmul(y as Tensor, v as Tensor)))],
      matrix,
      matrix,
      matrix,
      matrix,
    )
    expect(counts(graph, 'matmulSum', 'add')).toEqual([1, 0])
  })
})
