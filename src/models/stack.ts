import { R1Error } from '../errors.ts'
import { type AttentionContext, CacheStep, placesOf, type Scope } from '../nn/index.ts'
import { checkpoint, type Dimension, type Tensor } from '../tensor/index.ts'
import type { ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

/** What a layer is told besides its input. */
export interface LayerContext extends AttentionContext {
  /** Number of the layer, from 0. */
  readonly index: number
}

/** One layer of a stack: `[B, S, D]` → `[B, S, D]`. */
export type Layer = (scope: Scope, x: Tensor, context: LayerContext) => Tensor

/**
 * Runs the layers of a model one after the other, each over its part of the cache.
 *
 * @param layers scope of the layers, which are called by their numbers
 * @param x `[B, S, D]`
 */
export function runStack(
  layers: Scope,
  x: Tensor,
  count: number,
  layer: Layer,
  inputs: ModelInputs,
  { checkpointing }: ForwardOptions,
  rotary?: AttentionContext['rotary'],
): ModelOutput {
  const { positions, segments } = inputs
  const step = inputs.cache && new CacheStep(inputs.cache, inputs.ids.shape as [Dimension, Dimension], segments)
  let hidden = x
  for (let index = 0; index < count; index++) {
    const context: LayerContext = { index, positions, segments, rotary, cache: step?.layer(index) }
    const run = () => layer(layers.child(String(index)), hidden, context)
    hidden = checkpointing ? checkpoint(layers.join(String(index)), run) : run()
  }
  return { hidden, cache: step?.updated }
}

/** How many positions can occur. @throws R1Error `length-missing` where nothing tells */
export function positionCount({ ids, cache }: ModelInputs, { length }: ForwardOptions): number {
  const known = length ?? (cache ? placesOf(cache) : ids.shape[1])
  if (typeof known === 'number') return known
  throw new R1Error('length-missing', `The number of positions is not known where the time axis is named '${known}'.`, {
    remedy: 'Give the option length.',
  })
}
