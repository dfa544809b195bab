import { describe, expect, it } from 'vitest'
import { capacities, inParameters } from './fits.ts'
import { examineMemory } from './memory.ts'
import { examineNode } from './node.ts'
import { cpuinfoFlags, knownFeatures, sysctlFlags } from './processor.ts'

describe('processor', () => {
  it('reads the instruction sets of an Intel server with AMX', () => {
    const text =
      'processor\t: 0\nflags\t\t: fpu sse4_2 fma avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8\nbugs\t\t: avx512f\n'
    expect(knownFeatures(cpuinfoFlags(text))).toEqual([
      'avx2',
      'fma',
      'avx512',
      'avx512-vnni',
      'avx512-bf16',
      'amx-bf16',
      'amx-int8',
    ])
  })

  it('reads the instruction sets of an ARM server', () => {
    const text = 'processor\t: 0\nFeatures\t: fp asimd aes asimddp sve i8mm bf16\nCPU part\t: 0xd40\n'
    expect(knownFeatures(cpuinfoFlags(text))).toEqual(['neon', 'dotprod', 'i8mm', 'bf16', 'sve'])
  })

  it('reads the instruction sets of macOS on both architectures', () => {
    const apple =
      'hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_BF16: 0\nhw.optional.neon: 1\nmachdep.cpu.brand_string: Apple M1'
    expect(knownFeatures(sysctlFlags(apple))).toEqual(['neon', 'dotprod'])
    const intel = 'machdep.cpu.features: FPU FMA AVX1.0\nmachdep.cpu.leaf7_features: BMI1 AVX2 AVX512F'
    expect(knownFeatures(sysctlFlags(intel))).toEqual(['avx2', 'fma', 'avx512'])
  })

  it('finds nothing in a file without flags', () => {
    expect(knownFeatures(cpuinfoFlags('processor : 0\n'))).toEqual([])
  })
})

describe('memory', () => {
  const gibibyte = 2 ** 30

  it('knows a limit from the numbers that mean none', () => {
    expect(examineMemory(16 * gibibyte, 8 * gibibyte, 0).facts.limit_bytes).toBeNull()
    expect(examineMemory(16 * gibibyte, 8 * gibibyte, 2 ** 64).facts.limit_bytes).toBeNull()
    const limited = examineMemory(16 * gibibyte, 3 * gibibyte, 4 * gibibyte)
    expect(limited.facts.limit_bytes).toBe(4 * gibibyte)
    expect(limited.summary).toBe('3.0 GiB of 16.0 GiB available · limited to 4.0 GiB by a control group')
  })

  it('warns when little is left, and blames the limit where there is one', () => {
    expect(examineMemory(16 * gibibyte, gibibyte, 0)).toMatchObject({
      status: 'notice',
      remedy: expect.stringContaining('Close'),
    })
    expect(examineMemory(16 * gibibyte, gibibyte, gibibyte)).toMatchObject({
      status: 'notice',
      remedy: expect.stringContaining('container'),
    })
  })
})

describe('node', () => {
  it.each([
    ['20.19.0', 'good'],
    ['22.1.0', 'good'],
    ['20.18.3', 'problem'],
    ['18.20.0', 'problem'],
  ])('finds %s %s', (version, status) => {
    expect(examineNode(version).status).toBe(status)
  })
})

describe('capacities', () => {
  it('counts sixteen bytes a parameter for full training with AdamW, in three fifths of memory', () => {
    const train = capacities(16e9 / 0.6).find(({ use }) => use === 'train')
    expect(train?.parameters.f32).toBeCloseTo(1e9, -2)
    expect(train?.parameters.int4).toBeNull()
  })

  it('writes parameters as people say them', () => {
    expect(inParameters(134_515_008)).toBe('134 M')
    expect(inParameters(8.34e9)).toBe('8.3 B')
  })
})
