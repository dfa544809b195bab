import { describe, expect, it } from 'vitest'
import { codedNames } from '../nn/index.ts'
import type { NDArray } from '../runtime/array.ts'
import { decodedWeight, encodeWeights } from './coded-weights.ts'
import { adaptedScope, fillAdapters, logitsUnder } from './testing/adapted.ts'
import { largestGap } from './testing/compare.ts'
import { fixtures, loadFixture } from './testing/fixture.ts'

const named = (name: string) =>
  fixtures().find((fixture) => fixture.name === name) as ReturnType<typeof fixtures>[number]
describe('weights as codes under adapters', () => {
  for (const [fixture, layers] of [
    ['llama-tied', /_proj$/],
    ['gpt2-plain', /\.c_(attn|proj|fc)$/],
    ['deepseek-v2-lite', /_proj(_with_mqa)?$/],
  ] as const) {
    for (const format of ['nf4', 'int8'] as const) {
      it(`give what the numbers they stand for give: ${fixture}, ${format}`, async () => {
        const [coded, plain] = [await loadFixture(named(fixture)), await loadFixture(named(fixture))]
        const [scope, whole] = [adaptedScope(layers, format), adaptedScope(layers)]
        encodeWeights(coded, scope)
        fillAdapters(coded, scope)
        fillAdapters(plain, whole)
        const names = [...coded.variables.names].filter((name) => name.endsWith('.codes'))
        expect(names.length).toBeGreaterThan(3)
        const before = await logitsUnder(plain, whole, false)
        for (const name of names.map((codes) => codes.replace(/\.codes$/, ''))) {
          expect(coded.variables.get(name)).toBeUndefined()
          const { data } = plain.variables.get(name) as NDArray<'f32'>
          const numbers = decodedWeight(coded.variables, name) as Float32Array
          const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          expect(largestGap(numbers, data)).toBeLessThan(largest * (format === 'nf4' ? 0.16 : 0.005))
          data.set(numbers)
        }
        const expected = await logitsUnder(plain, whole, false)
        expect(largestGap(expected, before)).toBeGreaterThan(1e-4)
        for (const kernels of [true, false]) {
          expect(largestGap(await logitsUnder(coded, scope, kernels), expected)).toBeLessThan(2e-4)
        }
      })
    }
  }

  it('must be loaded before a graph reads them', async () => {
    const loaded = await loadFixture(named('llama-tied'))
    await expect(logitsUnder(loaded, adaptedScope(/_proj$/, 'nf4'), true)).rejects.toMatchObject({
      code: 'variable-missing',
      message: expect.stringContaining(codedNames.codes('q_proj.weight')),
    })
  })
})
