import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSafetensorsFolder } from '../safetensors/write.ts'
import { tensorOfFloat32 } from '../writable.ts'
import { measureBandwidth } from './bandwidth.ts'
import { cacheBytesPerToken, estimate, programBytes } from './estimate.ts'
import { inspectCheckpoint } from './inspect.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-inspect-'))
  const tensor = (name: string, shape: number[]) => {
    const length = shape.reduce((product, side) => product * side, 1)
    return tensorOfFloat32(name, 'BF16', shape, new Float32Array(length))
  }
  await writeSafetensorsFolder(folder, [
    tensor('model.embed_tokens.weight', [100, 32]),
    tensor('model.norm.weight', [32]),
    ...[0, 1, 2, 3].map((expert) => tensor(`model.layers.0.mlp.experts.${expert}.up_proj.weight`, [64, 32])),
  ])
  const config = {
    model_type: 'qwen3_moe',
    architectures: ['Qwen3MoeForCausalLM'],
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    vocab_size: 100,
    num_experts: 4,
    num_experts_per_tok: 1,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'README.md'), '---\nlanguage: en\nlicense: apache-2.0\n---\n# Tiny\n')
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: '{{ messages }}' }))
  await writeFile(join(folder, 'tokenizer.json'), '{}')
})
afterAll(() => rm(folder, { recursive: true }))

describe('inspecting a checkpoint', () => {
  it('tells what it is, what it needs and what it comes with', async () => {
    const { inspection } = await inspectCheckpoint(folder)
    const matrices = 3200 + 4 * 2048
    expect(inspection).toMatchObject({
      format: 'safetensors',
      modelType: 'qwen3_moe',
      className: 'Qwen3MoeForCausalLM',
      parameters: matrices + 32,
      activeParameters: 3200 + 2048 + 32,
      dtypes: { BF16: matrices + 32 },
      storedBytes: 2 * (matrices + 32),
      memory: { f32: 4 * (matrices + 32), f16: 2 * (matrices + 32), int8: (matrices * 34) / 32 + 128 },
      contextLength: 512,
      chatTemplate: true,
      tokenizer: 'tokenizer.json',
      licence: 'apache-2.0',
      lineage: undefined,
    })
  })

  it('estimates memory and speed by the formula it states', async () => {
    const { inspection, config } = await inspectCheckpoint(folder)
    const { context, cacheBytesPerToken: perToken, precisions } = estimate(inspection, config, 1e9)
    expect(context).toBe(512)
    expect(perToken).toBe(2 * 2 * 2 * 16 * 2)
    const half = precisions.find(({ precision }) => precision === 'f16')
    expect(half?.memory).toBe(inspection.memory.f16 + 512 * perToken + programBytes)
    const read = (inspection.memory.f16 * inspection.activeParameters) / inspection.parameters
    expect(half?.tokensPerSecond).toBeCloseTo(1e9 / (read + 256 * perToken))
    expect(cacheBytesPerToken({ num_hidden_layers: 3, kv_lora_rank: 512, qk_rope_head_dim: 64 })).toBe(3 * 576 * 2)
  })

  it('promises no tokens of a model that writes none', async () => {
    const { inspection } = await inspectCheckpoint(folder)
    const { cacheBytesPerToken: perToken, precisions } = estimate(inspection, { model_type: 'bert' }, 1e9)
    expect(perToken).toBe(0)
    for (const { precision, memory, tokensPerSecond } of precisions) {
      expect([memory, tokensPerSecond]).toEqual([inspection.memory[precision] + programBytes, undefined])
    }
  })

  it('measures the memory of this machine', async () => {
    expect(await measureBandwidth(20)).toBeGreaterThan(1e8)
  })
})
