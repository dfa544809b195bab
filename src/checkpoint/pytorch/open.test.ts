import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../open.ts'

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname

describe('a file of torch.save', () => {
  it.each(['new.bin', 'old.bin'])('%s gives the same tensors as safetensors', async (name) => {
    await using checkpoint = await openCheckpoint(fixture(name))
    await using expected = await openCheckpoint(fixture('expected.safetensors'))
    expect(checkpoint.format).toBe('pytorch')
    expect([...checkpoint.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort())
    for (const entry of expected.tensors.values()) {
      const { dtype, shape, byteLength } = entry
      expect(checkpoint.tensors.get(entry.name)).toMatchObject({ dtype, shape, byteLength })
      expect(await checkpoint.read(entry.name)).toEqual(await expected.read(entry.name))
      expect(await checkpoint.readFloat32(entry.name)).toEqual(await expected.readFloat32(entry.name))
    }
  })

  it.each(['code.bin', 'compressed.bin'])('%s is refused with a reason', async (name) => {
    await expect(openCheckpoint(fixture(name))).rejects.toMatchObject({ code: 'unsupported-checkpoint' })
  })
})
