import { describe, expect, it } from 'vitest'
import { modelOf } from '../../models/index.ts'
import { logitsOf, Scope } from '../../nn/index.ts'
import {
  add,
  expertStacks,
  type Graph,
  gather,
  matmul,
  normal,
  type QuantisedShape,
  quantisableVariables,
  quantiseProducts,
  type StoredMatrix,
  type Tensor,
  trace,
  transpose,
  variable,
} from '../index.ts'
import { matmulQuantisedOperator } from '../ops/matmul-quantised.ts'

const count = (graph: Graph, name: string): number =>
  graph.nodes.filter(({ operator }) => operator.name === name).length

const config = {
  model_type: 'llama',
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
}

function graphOf(raw: Readonly<Record<string, unknown>>, batch: number | 'batch' = 2): Graph {
  const model = modelOf(raw)
  const tokens = { dtype: 'i64', shape: [batch, 3] } as const
  return trace(
    (inputs: { readonly ids: Tensor; readonly positions: Tensor }) => {
      const scope = new Scope()
      return { logits: logitsOf(model.head(scope, model.forward(scope, inputs).hidden)) }
    },
    { ids: tokens, positions: tokens },
  ).graph
}

/** All variables that may be, in blocks. */
function storedOf(graph: Graph): Map<string, QuantisedShape> {
  const names = quantisableVariables(graph)
  return new Map(
    graph.inputs.flatMap((tensor): [string, QuantisedShape][] => {
      const name = String(tensor.node.attributes.name)
      const [rows, columns] = tensor.shape as readonly [number, number]
      return names.has(name) ? [[name, { type: 'Q8_0', rows, columns }]] : []
    }),
  )
}

describe('products with quantised weights', () => {
  it.each([2, 'batch'] as const)('make four operators of a layer of Llama and one of its head (batch %s)', (batch) => {
    const graph = graphOf(config, batch)
    const stored = storedOf(graph)
    expect([...stored.keys()].sort().slice(0, 3)).toEqual([
      'model.embed_tokens.weight',
      'model.layers.0.mlp.down_proj.weight',
      'model.layers.0.mlp.gate_proj.weight',
    ])
    expect(stored.size).toBe(1 + 2 * 7)
    const rewritten = quantiseProducts(graph, stored, 'prefill')
    expect(count(rewritten, 'matmulQuantised')).toBe(2 * 4 + 1)
    expect(count(rewritten, 'gatherQuantised')).toBe(1)
    for (const gone of ['matmul', 'rmsNorm', 'swiglu', 'add', 'gather']) expect(count(rewritten, gone), gone).toBe(0)
    const attributes = rewritten.nodes
      .filter(({ operator }) => operator === matmulQuantisedOperator)
      .map(({ attributes: { types, normed, added, activation, phase } }) => [
        (types as readonly string[]).length,
        normed,
        added,
        activation,
        phase,
      ])
    const layer = [
      [3, true, false, 'none', 'prefill'],
      [1, false, true, 'none', 'prefill'],
      [2, true, false, 'silu', 'prefill'],
      [1, false, true, 'none', 'prefill'],
    ]
    expect(attributes).toEqual([...layer, ...layer, [1, true, false, 'none', 'prefill']])
    expect(rewritten.outputs.map(({ shape }) => shape)).toEqual(graph.outputs.map(({ shape }) => shape))
    const inputs = rewritten.inputs.filter(({ dtype }) => dtype === 'u8')
    expect(inputs).toHaveLength(stored.size)
  })

  it('take biases in, and keep a norm that others read', () => {
    const rewritten = (raw: Readonly<Record<string, unknown>>) => {
      const graph = graphOf(raw)
      return quantiseProducts(graph, storedOf(graph))
    }
    expect(count(rewritten({ ...config, attention_bias: true }), 'add')).toBe(0)
    const qwen = rewritten({ ...config, model_type: 'qwen3', head_dim: 32 })
    // Norms of heads are between products and rotation, and stay.
    expect(count(qwen, 'rmsNorm')).toBe(2 * 2)
  })

  it('of experts read stacks: two operators a layer, and nothing for the router', () => {
    const graph = graphOf({
      ...config,
      model_type: 'qwen3_moe',
      head_dim: 32,
      num_experts: 4,
      num_experts_per_tok: 2,
      moe_intermediate_size: 32,
    })
    const stored: Map<string, StoredMatrix> = storedOf(graph)
    const stacks = expertStacks(graph)
    expect(stacks.map((names) => names[1])).toContain('model.layers.1.mlp.experts.1.up_proj.weight')
    expect(stacks).toHaveLength(2 * 3)
    expect([...stored.keys()].filter((name) => name.includes('mlp'))).toEqual([])
    for (const names of stacks) {
      const [rows, columns] = names[0]?.includes('down') ? [64, 32] : [32, 64]
      const stack = { name: `all ${names[0]}`, count: names.length }
      for (const [index, name] of names.entries())
        stored.set(name, { type: 'Q8_0', rows, columns, stack: { ...stack, index } })
    }
    const rewritten = quantiseProducts(graph, stored)
    const found = rewritten.nodes.filter(({ operator }) => operator.name === 'groupedMatmulQuantised')
    const activations = found.map(({ attributes }) => attributes.activation)
    expect(activations).toEqual(['silu', 'none', 'silu', 'none'])
    expect(count(rewritten, 'groupedMatmul') + count(rewritten, 'swiglu')).toBe(0)
    expect(rewritten.inputs.filter((tensor) => String(tensor.node.attributes.name).startsWith('all '))).toHaveLength(6)
  })

  it('leave alone what is read in another way, and give its numbers where it is stored nevertheless', () => {
    const { graph } = trace(
      ({ x, ids }: { readonly x: Tensor; readonly ids: Tensor }) => {
        const [twice, turned, table] = ['twice', 'turned', 'table'].map((name) =>
          variable(name, { dtype: 'f32', shape: [64, 64] }, normal(1)),
        ) as [Tensor, Tensor, Tensor]
        const y = matmul(x, twice, { transposeB: true })
        return [add(y, gather(table, ids)), matmul(x, turned), matmul(x, transpose(twice))]
      },
      { x: { dtype: 'f32', shape: [2, 64] }, ids: { dtype: 'i64', shape: [2] } } as const,
    )
    expect([...quantisableVariables(graph)]).toEqual(['table'])
    const shape = { type: 'Q8_0', rows: 64, columns: 64 } as const
    const rewritten = quantiseProducts(graph, new Map([['turned', shape]]))
    expect(count(rewritten, 'matmulQuantised')).toBe(0)
    expect(rewritten.inputs.filter(({ dtype }) => dtype === 'u8')).toHaveLength(1)
    expect(rewritten.outputs.map((output) => output.shape)).toEqual(graph.outputs.map((output) => output.shape))
  })
})
