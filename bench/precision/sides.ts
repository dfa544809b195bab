import { bindModel } from '../../src/models/bind.ts'
import { llama } from '../../src/models/llama.ts'
import { Variables } from '../../src/runtime/variables.ts'
import { randomUniform, streamKey } from '../../src/tensor/index.ts'
import { windowBatch } from '../../src/train/batch.ts'
import { nextToken } from '../../src/train/objectives/next-token.ts'
import { TrainingStep } from '../../src/train/step.ts'
import { configurationOf, optimizer, type Plan, rateAt } from './plan.ts'
import { FreshText } from './text.ts'

/** How far start weights are moved, relative to each: far above f32's rounding, far below what changes a model. */
const movement = 1e-6

/** A way to train the same model on the same text. */
export interface Side {
  /** Its name in flags and rows: who computes, in which precision, and `+k` for the k-th way of moving the start weights. */
  readonly name: string
  readonly peer: 'torch' | undefined
  readonly precision: 'f32' | 'bf16'
  readonly moved: number
}

export function parseSide(name: string): Side {
  const found = /^(?:(torch)-)?(f32|bf16)(?:\+([1-9]\d*))?$/.exec(name)
  if (!found) throw new Error(`'${name}' is no side: f32, bf16, torch-f32, torch-bf16, f32+1, bf16+1, f32+2 …`)
  const [, peer, precision, moved = 0] = found
  return { name, peer: peer as Side['peer'], precision: precision as Side['precision'], moved: Number(moved) }
}

/** The side that another is compared with: f32 of the same maker from the seed's own weights. */
export const referenceOf = (side: string): string => (parseSide(side).peer ? 'torch-f32' : 'f32')

/** The weights that a seed draws; those of a moved side differ from them by a relative 1e-6 at the most. */
export function startWeights(config: string, seed: number, moved = 0): Variables {
  const variables = new Variables(seed)
  for (const { name, tensor } of bindModel(llama, configurationOf(config).model).parameters()) {
    const weights = variables.ensure(tensor, name).data as Float32Array
    if (moved === 0) continue
    const key = streamKey(moved, `moved ${name}`)
    for (const [index, weight] of weights.entries()) {
      weights[index] = weight * (1 + movement * (2 * randomUniform(key, index) - 1))
    }
  }
  return variables
}

/**
 * Trains on text of which no window comes twice.
 *
 * @returns the loss of each step in nats a byte, the trained weights, and the text where the training left it
 */
export async function train(plan: Plan, config: string, seed: number, side: Side) {
  const { model, batch, length } = configurationOf(config)
  const variables = startWeights(config, seed, side.moved)
  using step = new TrainingStep({ model: bindModel(llama, model), variables }, nextToken, {
    precision: side.precision,
    threads: plan.threads,
    optimizer,
  })
  const text = new FreshText(length, seed)
  const losses: number[] = []
  for (let index = 1; index <= plan.steps; index++) {
    const { ids, targets } = text.take(batch)
    const whole = { index: 0, of: 1, weight: ids.length }
    const rows = windowBatch(ids, targets, [batch, length])
    const { loss } = await step.run(rows, whole, index, rateAt(index, plan.steps))
    losses.push(loss / ids.length)
    if (index % 50 === 0) process.stderr.write(`${config} seed ${seed} ${side.name} step ${index}: ${losses.at(-1)}\n`)
  }
  return { losses, variables, text }
}
