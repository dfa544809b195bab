import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../checkpoint/index.ts'
import { encodeWeights, loadModel } from '../../models/index.ts'
import { adaptedScope, fillAdapters, logitsUnder } from '../../models/testing/adapted.ts'
import { largestGap } from '../../models/testing/compare.ts'
import { fixtures, loadFixture } from '../../models/testing/fixture.ts'
import { finish } from './finish.ts'
import { type LoopOptions, loopSchema } from './options.ts'

const named = (name: string) =>
  fixtures().find((fixture) => fixture.name === name) as ReturnType<typeof fixtures>[number]

describe('a stage that ends', () => {
  for (const [fixture, layers, base] of [
    ['llama-tied', /_proj$/, undefined],
    ['llama-tied', /_proj$/, 'nf4'],
    ['gpt2-plain', /\.c_(attn|proj|fc)$/, undefined],
    ['gpt2-plain', /attn\.c_proj$/, 'int8'],
  ] as const) {
    it(`writes weights that do what weights and adapters did: ${fixture}, ${layers}, ${base ?? 'f32'}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'r1-finish-'))
      try {
        const loaded = await loadFixture(named(fixture))
        const scope = adaptedScope(layers, base)
        encodeWeights(loaded, scope)
        fillAdapters(loaded, scope)
        const expected = await logitsUnder(loaded, scope)
        const options: LoopOptions = loopSchema.parse({
          steps: 1,
          adapter: { rank: 2, alpha: 3, layers: layers.source },
        })
        const report = async () => {}
        const context = { folder, base: folder, parent: folder, seed: 1, resume: false, signal: undefined, report }
        const { checkpoint } = await finish('sft', loaded, options, context, { metrics: {}, data: {} })
        await using written = await openCheckpoint(checkpoint)
        expect([...written.tensors.keys()].filter((name) => /codes|scales|lora/.test(name))).toEqual([])
        expect(largestGap(await logitsUnder(await loadModel(written), {}), expected)).toBeLessThan(2e-4)
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  }
})
