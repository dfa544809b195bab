import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openCheckpoint, tensorOfFloat32, writeCheckpoint } from '../../checkpoint/index.ts'
import { formatBytes, formatCount } from '../sizes.ts'
import { exportVerb } from './export.ts'
import { inspect } from './inspect.ts'
import { pull } from './pull.ts'

const verbs = { export: exportVerb, inspect, pull }

let folder: string
let model: string
const shapes: Record<string, number[]> = {
  'model.embed_tokens.weight': [64, 32],
  'model.norm.weight': [32],
  'model.layers.0.input_layernorm.weight': [32],
  'model.layers.0.post_attention_layernorm.weight': [32],
  'model.layers.0.self_attn.q_proj.weight': [32, 32],
  'model.layers.0.self_attn.k_proj.weight': [16, 32],
  'model.layers.0.self_attn.v_proj.weight': [16, 32],
  'model.layers.0.self_attn.o_proj.weight': [32, 32],
  'model.layers.0.mlp.gate_proj.weight': [64, 32],
  'model.layers.0.mlp.up_proj.weight': [64, 32],
  'model.layers.0.mlp.down_proj.weight': [32, 64],
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-verbs-'))
  model = join(folder, 'tiny')
  const tensors = Object.entries(shapes).map(([name, shape], seed) => {
    const length = shape.reduce((product, side) => product * side, 1)
    return tensorOfFloat32(
      name,
      'F32',
      shape,
      Float32Array.from({ length }, (_, i) => Math.sin(i * 7 + seed)),
    )
  })
  const config = {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    vocab_size: 64,
    tie_word_embeddings: true,
  }
  await writeCheckpoint(model, tensors, { config })
  await writeFile(join(model, 'README.md'), '---\nlicense: mit\n---\n')
})
afterAll(() => rm(folder, { recursive: true }))

async function run(verb: keyof typeof verbs, ...words: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    await verbs[verb]().parseAsync(words, { from: 'user' })
    return write.mock.calls.map(([text]) => text).join('')
  } finally {
    write.mockRestore()
  }
}

describe('r1 inspect', () => {
  it('tells people and programs what a checkpoint is', async () => {
    const text = await run('inspect', model, '--estimate')
    expect(text).toContain('LlamaForCausalLM (safetensors)')
    expect(text).toMatch(/licence +mit/)
    expect(text).toMatch(/int4 +\S+ \S+ +at most \d/)
    const report = JSON.parse(await run('inspect', model, '--json', '--estimate', '--context', '64'))
    expect(report).toMatchObject({ model_type: 'llama', layers: 1, licence: 'mit', estimate: { context: 64 } })
    expect(report.parameters).toBe(
      Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((p, n) => p * n, 1), 0),
    )
  })

  it('refuses what is no checkpoint', async () => {
    await expect(run('inspect', join(folder, 'absent'))).rejects.toMatchObject({ code: 'file-not-found' })
    await expect(run('inspect', join(model, 'README.md'))).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})

describe('r1 export', () => {
  it('writes a GGUF and from it safetensors with the same numbers', async () => {
    const gguf = join(folder, 'tiny.gguf')
    const back = join(folder, 'back')
    expect(await run('export', model, '--format', 'gguf', '--type', 'f32', '--out', gguf)).toContain('11 tensors')
    const result = JSON.parse(await run('export', gguf, '--format', 'safetensors', '--out', back, '--json'))
    expect(result).toMatchObject({ path: back, format: 'safetensors', type: 'keep', tensors: 11 })
    await using before = await openCheckpoint(model)
    await using after = await openCheckpoint(back)
    for (const [name, shape] of Object.entries(shapes)) {
      expect(after.tensors.get(name)).toMatchObject({ dtype: 'F32', shape })
      expect(await after.readFloat32(name)).toEqual(await before.readFloat32(name))
    }
    expect(after.config).toMatchObject({ model_type: 'llama', num_key_value_heads: 2, rms_norm_eps: 1e-5 })
  })

  it('says which types there are', async () => {
    const wrong = run('export', model, '--format', 'gguf', '--type', 'q9', '--out', join(folder, 'x.gguf'))
    await expect(wrong).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining('q4_0') })
  })
})

describe('r1 pull', () => {
  it('refuses what is no id, before any request', async () => {
    await expect(run('pull', '../../etc')).rejects.toMatchObject({ code: 'bad-option' })
  })
})

describe('sizes', () => {
  it('are readable', () => {
    expect([0, 999, 1500, 269_100_288, 5e12].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '269 MB', '5.0 TB'])
    expect([12, 1500, 134_515_008, 671e9].map(formatCount)).toEqual(['12', '1.50 k', '135 M', '671 B'])
  })
})
