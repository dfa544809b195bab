import type { Model } from '../../models/model.ts'
import { byteSize } from '../../tensor/index.ts'
import { scopeOf } from './loop.ts'
import { type LoopOptions, stepsOf } from './options.ts'
import type { StagePlan } from './stage.ts'

/** Numbers of a parameter that are kept while it is trained: itself, its gradient, two moments. */
const numbersOfTrained = 4

/** Numbers that a layer keeps for the backward pass, as multiples of the width and of the feed-forward width. */
const kept = { widths: 8, feedForwards: 3 } as const

const sizeOf = (shape: readonly unknown[]): number =>
  shape.reduce<number>((product, extent) => product * Number(extent), 1)

/**
 * What a training loop will need. Operations: 6 a parameter and token (4 with frozen weights), with activations computed
 * again 8. Memory is an upper estimate: weights, gradients and moments, activations of one part of a step, and a chunk of
 * logits.
 */
export function estimateLoop(model: Model, options: LoopOptions): StagePlan {
  const steps = stepsOf(options)
  const { batch, length, accumulation, checkpointing, adapter, ema } = options
  const parameters = parametersOf(model)
  const tokens = steps * batch * length
  const feedForward = Number(model.config.intermediate_size ?? 4 * model.width)
  const part = (batch / accumulation) * length
  const layer = kept.widths * model.width + kept.feedForwards * feedForward
  const activations = part * (checkpointing ? model.layers * model.width + layer : model.layers * layer)
  const numbers = numbersOfTrained + (ema === undefined ? 0 : 1)
  const weights = model
    .parameters(scopeOf(options))
    .map(({ tensor, trainable }) => byteSize(tensor.dtype) * sizeOf(tensor.shape) * (trainable ? numbers : 1))
    .reduce((sum, bytes) => sum + bytes, 0)
  const logits = Math.min(part * model.vocabulary, 2 ** 24)
  return {
    parameters,
    steps,
    tokens,
    operations: (adapter ? 4 : checkpointing ? 8 : 6) * parameters * tokens,
    memory: weights + 4 * (activations + logits),
  }
}

/**
 * Operations that take as long as drawing texts does: about 8 a parameter and token, for small products run at a quarter of
 * what large ones reach (`r1 bench rl`). Texts end at half of the most tokens, on average.
 */
export function drawingOperations(parameters: number, texts: number, maxNewTokens: number): number {
  return 8 * parameters * texts * (maxNewTokens / 2)
}

/** Numbers of all parameters of a model. */
export function parametersOf(model: Model): number {
  return model.parameters().reduce((sum, { tensor }) => sum + sizeOf(tensor.shape), 0)
}
