import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { operators } from '../../src/tensor/index.ts'
import { page, readSupport, renderPage } from './ops.ts'

describe('docs/ops.md', () => {
  it('is what the op table and the probe say (npm run docs:ops)', () => {
    expect(readFileSync(page, 'utf8')).toBe(renderPage(readSupport()))
  })

  it('rests on a probe of every operator, all of which run in f32 or their own dtype (npm run docs:probe)', () => {
    const { operators: found } = readSupport()
    const names = operators().flatMap(({ name }) => (name === 'input' ? [] : [name]))
    expect(Object.keys(found)).toEqual(names.sort())
    expect(Object.values(found).filter(({ cpu }) => cpu.length === 0)).toEqual([])
    const broken = Object.entries(found).filter(([, { webgpu, webgpuGradient }]) =>
      [webgpu, webgpuGradient].some((outcome) => outcome === 'wrong' || outcome === 'fails'),
    )
    expect(broken).toEqual([])
  })
})
