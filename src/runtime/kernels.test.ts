import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { findKernels } from './kernels.ts'
import { runtime } from './ort/api.ts'
import { compileLibrary, hasCompiler } from './testing/compile.ts'

const built = fileURLToPath(new URL('../../prebuilds/linux-x64/r1_kernels.so', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'r1-kernels-'))
afterAll(() => rmSync(folder, { recursive: true }))

function reasonWithout(choice: string): string {
  const { path, operators, instructions, reason } = findKernels(choice)
  expect([path, operators.size, instructions]).toEqual([undefined, 0, undefined])
  expect(reason).not.toContain('\n')
  return reason
}

describe('the kernels', () => {
  it.runIf(process.platform === 'linux' && process.arch === 'x64' && existsSync(built))(
    'are found where they were built for this machine',
    () => {
      const { path, operators, instructions } = findKernels(undefined)
      expect(path).toBe(built)
      expect([...operators]).toEqual(expect.arrayContaining(['AdamW', 'EmbeddingGradient', 'Sgd']))
      expect(instructions).toMatch(/^(scalar|avx2|avx512|avx512bf16|amx)$/)
    },
  )

  it('are left out on request', () => {
    expect(reasonWithout('off')).toBe('switched off by R1_KERNELS')
  })

  it('are left out where the library is missing, damaged or foreign', () => {
    const text = join(folder, 'text.so')
    writeFileSync(text, 'no library at all')
    expect(reasonWithout(join(folder, 'none.so'))).toMatch(/R1_KERNELS names .*none\.so, which does not exist/)
    expect(reasonWithout(text)).toMatch(/text\.so is not a shared library|is not a library of r1 kernels/)
    expect(reasonWithout(runtime().path)).toMatch(/is not a library of r1 kernels/)
  })

  describe.skipIf(!hasCompiler)('(with a C compiler for fakes)', () => {
    const fake = (name: string, description: string, more = '') =>
      compileLibrary(
        join(folder, `${name}.so`),
        `const char *r1_kernels_describe(void) { return ${JSON.stringify(description)}; } ${more}`,
      )
    const description = { abi: 1, path: 'avx2', reason: 'best of this machine', operators: ['AdamW', 'RmsNorm'] }

    it('are left out where the contract is another', () => {
      expect(reasonWithout(fake('newer', JSON.stringify({ ...description, abi: 99 })))).toMatch(/contract 99/)
      expect(reasonWithout(fake('garbled', '{"abi":1,'))).toMatch(/does not understand/)
      expect(reasonWithout(fake('changed', '{"abi":1,"operators":{}}'))).toMatch(/does not understand/)
    })

    it('are left out where ONNX Runtime does not take the library', () => {
      expect(reasonWithout(fake('unregistered', JSON.stringify(description)))).toMatch(/refused by ONNX Runtime/)
    })

    it('tell what they have', () => {
      const register = 'void *RegisterCustomOps(void *options, const void *base) { return 0; }'
      const path = fake('good', JSON.stringify(description), register)
      expect(findKernels(path)).toEqual({
        path,
        operators: new Set(['AdamW', 'RmsNorm']),
        instructions: 'avx2',
        reason: 'best of this machine',
      })
    })
  })
})
