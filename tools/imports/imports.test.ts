import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readSources, violations } from './check.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

function check(path: string, text: string): string[] {
  return violations([{ path, text }])
}

describe('the house', () => {
  it('imports only downwards', () => {
    const files = readSources(root, 'src')
    expect(files.length).toBeGreaterThan(0)
    expect(violations(files)).toEqual([])
  })
})

describe('violations', () => {
  it('allows a lower floor, the same room, errors, packages and modules of Node', () => {
    const text = `
      import { R1Error } from '../errors.ts'
      import type { Tensor } from '../tensor/tensor.ts'
      import { lower } from './lower.ts'
      import koffi from 'koffi'
      import { readFile } from 'node:fs/promises'
    `
    expect(check('src/runtime/session.ts', text)).toEqual([])
  })

  it.each([
    ['an import', `import { jit } from '../runtime/jit.ts'`],
    ['an import of types', `import type { Session } from '../runtime/session.ts'`],
    ['an import for its effect', `import '../runtime/index.ts'`],
    ['a re-export', `export { jit } from '../runtime/jit.ts'`],
    ['a re-export of everything', `export * from '../runtime/jit.ts'`],
    ['a dynamic import', `export const load = async () => await import('../runtime/jit.ts')`],
    ['a type by import()', `export type Jit = typeof import('../runtime/jit.ts')`],
    ['a worker', `new Worker(new URL('../runtime/worker.ts', import.meta.url))`],
  ])('catches %s that points upwards', (_, text) => {
    const [violation, ...others] = check('src/tensor/trace.ts', `\n${text}\n`)
    expect(others).toEqual([])
    expect(violation).toMatch(/^src\/tensor\/trace\.ts:2 imports '\.\.\/runtime\/.*not below 'tensor'/)
  })

  it('catches a room on the same floor, and a lower one that the room does not know', () => {
    expect(check('src/train/loop.ts', `import '../retrieve/index.ts'`)).toHaveLength(1)
    expect(check('src/nn/linear.ts', `import '../runtime/jit.ts'`)).toEqual([
      `src/nn/linear.ts:1 imports '../runtime/jit.ts': 'nn' knows only 'tensor' and 'errors'`,
    ])
    expect(check('src/text/template.ts', `import '../tensor/index.ts'`)).toHaveLength(1)
  })

  it('keeps src apart from tools, benchmarks, tests and its own built package', () => {
    expect(check('src/cli/main.ts', `import '../../bench/peers/torch.ts'`)).toHaveLength(1)
    expect(check('src/cli/main.ts', `import '../../tools/imports/check.ts'`)).toHaveLength(1)
    expect(check('src/cli/main.ts', `import './testing/run.ts'`)).toHaveLength(1)
    expect(check('src/cli/main.ts', `import 'deepseek-r1'`)).toHaveLength(1)
  })

  it('keeps the graph language free of packages and of Node', () => {
    expect(check('src/tensor/trace.ts', `import { readFileSync } from 'node:fs'`)).toHaveLength(1)
    expect(check('src/tensor/trace.ts', `import { Buffer } from 'buffer'`)).toHaveLength(1)
  })

  it('lets tests use any room', () => {
    expect(check('src/tensor/gradient.test.ts', `import { jit } from '../runtime/jit.ts'`)).toEqual([])
  })

  it('catches a room that is not in the table', () => {
    expect(check('src/utils/tmp.ts', `import { R1Error } from '../errors.ts'`)).toHaveLength(1)
    expect(check('src/runtime/session.ts', `import { tmp } from '../utils.ts'`)).toHaveLength(1)
  })

  it('leaves folders and data alone', () => {
    expect(check('src/runtime/kernels.ts', `new URL('../../prebuilds/', import.meta.url)`)).toEqual([])
  })

  it('reads code, not comments and strings', () => {
    expect(
      check('src/tensor/trace.ts', `// import '../runtime/jit.ts'\nexport const text = "import('../cli/main.ts')"`),
    ).toEqual([])
  })
})
