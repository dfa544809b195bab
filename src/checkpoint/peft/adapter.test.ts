import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../open.ts'
import { readAdapter, writeAdapter } from './adapter.ts'
import { adapterScale } from './config.ts'
import { mergeLowRank } from './merge.ts'

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-adapter-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a PEFT adapter', () => {
  it('merges into the weights that peft itself makes, and out again', async () => {
    const adapter = await readAdapter(fixture('adapter'))
    await using base = await openCheckpoint(fixture('base.safetensors'))
    await using merged = await openCheckpoint(fixture('merged.safetensors'))
    expect(adapter.factors.size).toBe(base.tensors.size)
    for (const [module, factors] of adapter.factors) {
      const weight = await base.readFloat32(`${module}.weight`)
      const before = weight.slice()
      mergeLowRank(weight, factors)
      const expected = await merged.readFloat32(`${module}.weight`)
      expect(weight.every((value, index) => Math.abs(value - (expected[index] ?? 0)) < 1e-5)).toBe(true)
      mergeLowRank(weight, factors, -1)
      expect(weight.every((value, index) => Math.abs(value - (before[index] ?? 0)) < 1e-5)).toBe(true)
    }
  })

  it('is scaled by alpha / r, or alpha / √r where it is rank-stabilised, with exceptions by module', async () => {
    const { config } = await readAdapter(fixture('adapter'))
    expect(adapterScale(config, 'layers.0.q_proj')).toBeCloseTo(5 / Math.sqrt(3))
    expect(adapterScale(config, 'layers.1.v_proj')).toBeCloseTo(7 / Math.sqrt(2))
    expect(adapterScale({ ...config, use_rslora: false }, 'layers.0.q_proj')).toBeCloseTo(5 / 3)
  })

  it('comes back as it was written', async () => {
    const adapter = await readAdapter(fixture('adapter'))
    await writeAdapter(folder, adapter.config, adapter.factors.values())
    expect(await readAdapter(folder)).toEqual({
      config: { ...adapter.config, inference_mode: true },
      factors: adapter.factors,
    })
  })

  it('of another kind, or broken, is refused', async () => {
    const write = (config: unknown) => writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config))
    await write({ peft_type: 'IA3' })
    await expect(readAdapter(folder)).rejects.toMatchObject({ code: 'unsupported-checkpoint' })
    await write({ peft_type: 'LORA', r: 0, lora_alpha: 1 })
    await expect(readAdapter(folder)).rejects.toMatchObject({ code: 'bad-checkpoint' })
    await expect(readAdapter(join(folder, 'absent'))).rejects.toMatchObject({ code: 'file-not-found' })
    const [factors] = (await readAdapter(fixture('adapter'))).factors.values()
    expect(() => factors && mergeLowRank(new Float32Array(3), factors)).toThrow(
      expect.objectContaining({ code: 'shape-mismatch' }),
    )
  })
})
