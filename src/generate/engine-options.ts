/** What an engine is told and refuses, apart from the engine: whoever speaks to one in another process loads only this. */

import { R1Error } from '../errors.ts'
import type { Model } from '../models/index.ts'
import type { ForwardProgramOptions } from './compile.ts'
import type { QueueLimits } from './queue.ts'

/** What keys and values are kept in; of int8 each head has a scale for every place. */
export type CacheType = 'f32' | 'f16' | 'int8'

export interface EngineOptions extends ForwardProgramOptions {
  /** Sequences side by side; 4 without it. */
  readonly slots?: number
  /** Most tokens of prompt and text; what the model was made for, at most 2048, without it. */
  readonly context?: number
  /** Prompts are computed in parts that end at multiples of it, so that long ones do not hold up streams; 256 without it. */
  readonly chunk?: number
  /** What keys and values are kept in; f16 without it. int8 takes half of its memory, for long contexts. */
  readonly cacheType?: CacheType
  /** How much may wait; 256 requests and 2²⁰ tokens without it. */
  readonly queue?: Partial<QueueLimits>
}

/**
 * What keys and values are kept in for a trainer, which wants the model as it is: many texts side by side wait for that
 * memory, and beside products of bf16 the rounding of f16 is nothing.
 */
export function cacheBeside(precision: EngineOptions['precision']): CacheType {
  return precision === 'bf16' ? 'f16' : 'f32'
}

/** What an engine has where nothing else is said. */
export const defaultSlots = 4
export const defaultQueue: QueueLimits = { requests: 256, tokens: 2 ** 20 }

export function cannotGenerate({ modelType }: Pick<Model, 'modelType'>): R1Error {
  return new R1Error('no-cache', `A ${modelType} model cannot generate text.`, {
    remedy: 'Use a decoder, or `embed` for vectors of texts.',
  })
}

export function aborted(signal: AbortSignal): R1Error {
  return new R1Error('aborted', 'Generating was aborted.', { cause: signal.reason })
}
