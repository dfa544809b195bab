import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../open.ts'

const fixtures = new URL('./fixtures/', import.meta.url)
const path = new URL('types.gguf', fixtures).pathname

async function floats(name: string): Promise<Float32Array> {
  const bytes = await readFile(new URL(name, fixtures))
  return new Float32Array(new Uint8Array(bytes).buffer)
}

describe('a GGUF file', () => {
  it('gives every type of tensor exactly as the reference dequantises it', async () => {
    await using checkpoint = await openCheckpoint(path)
    const expected = await floats('types.f32')
    const dtypes = [
      'F32',
      'F16',
      'BF16',
      'Q4_0',
      'Q4_1',
      'Q5_0',
      'Q5_1',
      'Q8_0',
      'Q2_K',
      'Q3_K',
      'Q4_K',
      'Q5_K',
      'Q6_K',
    ]
    for (const [index, dtype] of dtypes.entries()) {
      const entry = checkpoint.tensors.get(`types.${dtype}`)
      expect(entry).toMatchObject({ dtype, shape: [2, 256] })
      const values = await checkpoint.readFloat32(`types.${dtype}`)
      expect(values, dtype).toEqual(expected.slice(index * 512, (index + 1) * 512))
      expect((await checkpoint.read(`types.${dtype}`)).byteLength).toBe(entry?.byteLength)
    }
    expect(checkpoint.tensors.size).toBe(dtypes.length)
  })

  it('gives its metadata with the types of the file', async () => {
    await using checkpoint = await openCheckpoint(path)
    expect(checkpoint.metadata.get('tokenizer.ggml.tokens')).toEqual(['a', 'Ġb', '日本', '\u200b'])
    expect(checkpoint.metadata.get('tokenizer.ggml.scores')).toEqual(Float32Array.of(0.5, -1, 0, 3.25))
    expect(checkpoint.metadata.get('tokenizer.chat_template')).toBe('{{ messages[0].content }}')
    expect(checkpoint.metadata.get('test.bools')).toEqual([true, false, true])
    expect(checkpoint.metadata.get('test.large')).toBe(2n ** 63n + 1n)
    expect(checkpoint.metadata.get('test.negative')).toBe(-5)
    expect(checkpoint.metadata.get('test.double')).toBe(0.1)
  })

  it("derives the keys of config.json, with a list of equal numbers as one and an f32's shortest decimal", async () => {
    await using checkpoint = await openCheckpoint(path)
    expect(checkpoint.config).toMatchObject({
      model_type: 'llama',
      num_hidden_layers: 1,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
    })
  })

  it('reads into lent memory, shared memory too, and refuses memory of another size', async () => {
    await using checkpoint = await openCheckpoint(path)
    const shared = new Float32Array(new SharedArrayBuffer(512 * 4))
    expect(await checkpoint.readFloat32('types.Q4_K', shared)).toBe(shared)
    expect(shared.some((value) => value !== 0)).toBe(true)
    const short = checkpoint.readFloat32('types.Q4_K', new Float32Array(511))
    await expect(short).rejects.toMatchObject({ code: 'shape-mismatch' })
    await expect(checkpoint.read('absent')).rejects.toMatchObject({ code: 'tensor-not-found' })
  })
})
