import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import { type LoadedModel, loadModel, modelOf, r1Model } from '../models/index.ts'
import { fixtures } from '../models/testing/fixture.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { Variables } from '../runtime/variables.ts'
import type { EngineOptions } from './engine-options.ts'
import type { TokenRequest } from './request.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'
import { mixtures } from './testing/mixtures.ts'
import { saveRandom } from './testing/random-checkpoint.ts'

/** Beginnings in common, prompts over several parts, greedy and random ones. */
function requestsFor({ model: { vocabulary } }: LoadedModel, count: number): TokenRequest[] {
  return Array.from({ length: count }, (_, index) => ({
    prompt: [
      ...someTokens(index % 3 === 0 ? 20 : 0, vocabulary, 99),
      ...someTokens(1 + ((index * 7) % 23), vocabulary, index),
    ],
    maxNewTokens: 3 + ((index * 5) % 14),
    sampling: index % 2 === 0 ? {} : { temperature: 1.3, topP: 0.95, seed: index, repetitionPenalty: 1.1 },
    logProbabilities: 0,
  }))
}

/** Checks that as many requests at once, in as many slots, are answered as each of them alone. */
async function expectSameBits(
  loaded: LoadedModel,
  options: EngineOptions,
  crowds: readonly { together: number; slots: number }[],
): Promise<void> {
  const requests = requestsFor(loaded, Math.max(...crowds.map(({ together }) => together)))
  const alone: Awaited<ReturnType<typeof answerOf>>[] = []
  {
    await using engine = await tinyEngine(loaded, { ...options, slots: 1 })
    for (const [index, request] of requests.entries()) {
      alone.push(await answerOf(engine, { ...request, salt: `alone ${index}` }))
    }
  }
  for (const { together, slots } of crowds) {
    await using engine = await tinyEngine(loaded, { ...options, slots })
    const answers = await Promise.all(requests.slice(0, together).map((request) => answerOf(engine, request)))
    for (const [index, { ids, logProbabilities }] of answers.entries()) {
      expect(ids).toEqual(alone[index]?.ids)
      expect(logProbabilities).toEqual(alone[index]?.logProbabilities)
    }
  }
}

const hasKernels = kernelLibrary().operators.has('MatMul')

describe('every request is answered with the same bits, whatever shares its steps', () => {
  const decoders = fixtures().filter(({ family }) => family !== 'bert')

  // Without kernels the products of an expert have as many rows as tokens chose it.
  it.runIf(hasKernels).each(decoders.map(({ name }) => name))('%s', async (name) => {
    const loaded = await loadTiny(name)
    await expectSameBits(loaded, {}, [{ together: 8, slots: 4 }])
    loaded.variables.dispose()
  })

  it.runIf(hasKernels).each([
    ['qwen3_moe', 6],
    ['qwen3_moe', 8],
    ['deepseek_v3', 8],
  ] as const)('%s with %i experts a token', async (name, chosen) => {
    const folder = await mkdtemp(join(tmpdir(), 'r1-experts-'))
    try {
      const sixteen = { num_experts: 16, n_routed_experts: 16, num_experts_per_tok: chosen }
      await saveRandom(folder, modelOf({ ...mixtures[name], ...sixteen }))
      await using checkpoint = await openCheckpoint(folder)
      for (const threads of [1, 4]) {
        const loaded = await loadModel(checkpoint)
        await expectSameBits(loaded, { threads }, [{ together: 16, slots: 16 }])
        loaded.variables.dispose()
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  const forms: EngineOptions[] = [{}, { kernels: false, threads: 1 }]
  if (hasKernels)
    forms.push({ precision: 'bf16' }, { state: 'swapped' }, { precision: 'f16', emulate: true, threads: 1 })

  it.each(forms)('in crowds, with %o', async (options) => {
    const loaded = await loadTiny()
    await expectSameBits(loaded, options, [
      { together: 2, slots: 2 },
      { together: 7, slots: 4 },
      { together: 32, slots: 8 },
      { together: 32, slots: 32 },
    ])
    loaded.variables.dispose()
  })

  // Depths and threads with which ONNX Runtime's products of f32 follow the number of rows.
  it.runIf(hasKernels).each([2, 4])('wide enough for several blocks of depth, with %i threads', async (threads) => {
    using variables = new Variables(3)
    const model = r1Model({ depth: 2, width: 192, positions: 64, vocabulary: 320 })
    for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
    await expectSameBits({ model, variables }, { threads }, [{ together: 32, slots: 32 }])
  })
})
