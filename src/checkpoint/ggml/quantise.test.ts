import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { tensorOfFloat32 } from '../writable.ts'

const fixtures = new URL('../gguf/fixtures/', import.meta.url)

async function bytesOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(new URL(name, fixtures)))
}

describe('writing f32 weights', () => {
  it.each(['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'] as const)('as %s gives the bytes of the reference', async (dtype) => {
    const weights = new Float32Array((await bytesOf('weights.f32')).buffer)
    const parts: Uint8Array[] = []
    for await (const part of tensorOfFloat32('weights', dtype, [16, 256], weights).chunks()) parts.push(part)
    expect(Buffer.concat(parts).equals(await bytesOf(`weights.${dtype}`))).toBe(true)
  })

  it('refuses a shape that does not fill whole blocks, and types it cannot write', () => {
    const make = (dtype: 'Q4_0' | 'Q6_K') => () => tensorOfFloat32('weights', dtype, [3, 5], new Float32Array(15))
    expect(make('Q4_0')).toThrow(expect.objectContaining({ code: 'shape-mismatch' }))
    expect(make('Q6_K')).toThrow(expect.objectContaining({ code: 'unsupported-checkpoint' }))
  })
})
