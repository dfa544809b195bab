import { describe, expect, it } from 'vitest'
import { modelOf } from '../models/families.ts'
import type { NDArray } from '../runtime/array.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { Variables } from '../runtime/variables.ts'
import { windowBatch } from './batch.ts'
import { nextToken } from './objectives/next-token.ts'
import { type StepOptions, TrainingStep } from './step.ts'

const model = modelOf({
  model_type: 'llama',
  vocab_size: 96,
  hidden_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 128,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const [batch, length] = [4, 32]

const pattern = BigInt64Array.from({ length: batch * length }, (_, at) => BigInt((at * at * 7 + (at >> 3) * 13) % 96))
const next = pattern.map((_, at) => pattern[(at + 1) % pattern.length] as bigint)
const window = windowBatch(pattern, next, [batch, length])

interface Curve {
  readonly losses: readonly number[]
  readonly embedding: Float32Array
}

/** Losses of `steps` steps on one batch, and the embedding after them. */
async function train(steps: number, options: StepOptions = {}, rate = 1e-3): Promise<Curve> {
  using variables = new Variables(11)
  using step = new TrainingStep({ model, variables }, nextToken, options)
  const losses: number[] = []
  for (let index = 1; index <= steps; index++) {
    const { loss } = await step.run(window, { index: 0, of: 1, weight: batch * length }, index, rate)
    losses.push(loss / (batch * length))
  }
  const table = variables.get('model.embed_tokens.weight') as NDArray<'f32'>
  return { losses, embedding: table.data.slice() }
}

function largestRelativeGap(left: readonly number[], right: readonly number[]): number {
  return Math.max(...left.map((value, at) => Math.abs(value - (right[at] as number)) / Math.abs(value)))
}

const forms = kernelLibrary().operators.size > 0 ? [true, false] : [false]

describe.each(forms)('a training step (native kernels: %s)', (kernels) => {
  it('overfits a fixed batch', async () => {
    const { losses } = await train(150, { kernels }, 3e-3)
    expect(losses[0]).toBeCloseTo(Math.log(96), 0)
    expect(losses.at(-1)).toBeLessThan(0.02)
  })

  it.each([1, 2])('gives the same bits in two runs with %i threads', async (threads) => {
    const [first, second] = [await train(12, { kernels, threads }), await train(12, { kernels, threads })]
    expect(second.losses).toEqual(first.losses)
    expect(second.embedding).toEqual(first.embedding)
  })

  it('has the same loss curve over 200 steps with state in place, swapped, and with recomputed activations', async () => {
    const inPlace = await train(200, { kernels })
    const swapped = await train(200, { kernels, state: 'swapped' })
    expect(swapped.losses).toEqual(inPlace.losses)
    const recomputed = await train(200, { kernels, checkpointing: true })
    expect(largestRelativeGap(inPlace.losses, recomputed.losses)).toBeLessThan(1e-5)
  })
})

describe.runIf(forms.length > 1)('the native kernels', () => {
  it('follow the loss curve of the stock operators', async () => {
    const [stock, native] = [await train(60, { kernels: false }), await train(60, { kernels: true })]
    expect(largestRelativeGap(stock.losses, native.losses)).toBeLessThan(1e-3)
  })

  it('follow it with bf16 products', async () => {
    const [stock, native] = [await train(60, { kernels: false }), await train(60, { kernels: true, precision: 'bf16' })]
    expect(largestRelativeGap(stock.losses, native.losses)).toBeLessThan(3e-2)
  })
})
