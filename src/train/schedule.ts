import { R1Error } from '../errors.ts'

/** The learning rate of step 1, 2, …, up to the last. */
export type Schedule = (step: number) => number

export interface ScheduleOptions {
  /** The rate after warm-up. */
  readonly rate: number
  /** Optimiser steps in all. */
  readonly steps: number
  /** Steps of linear warm-up from 0; a tenth of all without it. */
  readonly warmup?: number
  /** The rate at the end. */
  readonly minimum?: number
  /** `wsd` (warm-up, stable, decay; arXiv:2404.06395): the last steps, in which the rate falls linearly; a tenth of all without it. */
  readonly decay?: number
}

/** Share of the way from warm-up to the end, 0 … 1. */
type Shape = (progress: number, options: { readonly decayShare: number }) => number

/** Factor of the way down from the rate (1) to the minimum (0), by the progress after warm-up. */
const shapes = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  /** arXiv:1608.03983, one period. */
  cosine: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
  wsd: (progress, { decayShare }) => Math.min(1, (1 - progress) / decayShare),
} satisfies Record<string, Shape>

export type ScheduleName = keyof typeof shapes

export const scheduleNames = Object.keys(shapes) as readonly ScheduleName[]

/**
 * A schedule: linear warm-up, then the shape of its name down to the minimum.
 *
 * @throws R1Error `bad-option` where warm-up and decay do not fit into the steps
 */
export function schedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  const { rate, steps, minimum = 0 } = options
  const warmup = options.warmup ?? Math.floor(steps / 10)
  const decay = options.decay ?? Math.ceil(steps / 10)
  const after = steps - warmup
  if (warmup < 0 || after < 0 || (name === 'wsd' && (decay < 1 || decay > after))) {
    throw new R1Error('bad-option', `${warmup} steps of warm-up and ${decay} of decay do not fit into ${steps}.`, {
      remedy: 'Shorten them, or train for more steps.',
    })
  }
  const shape: Shape = shapes[name]
  return (step) => {
    if (step <= warmup) return (rate * step) / warmup
    const progress = Math.min(1, (step - warmup) / Math.max(1, after))
    return minimum + (rate - minimum) * shape(progress, { decayShare: decay / Math.max(1, after) })
  }
}

/** Cosine annealing counted in epochs, which may be fractions: warm-up to `maxRate`, then down to `minRate`. */
export class CosineWarmup {
  readonly warmupEpochs: number
  readonly totalEpochs: number
  readonly maxRate: number
  readonly minRate: number

  /** @throws R1Error `bad-option` where warm-up is longer than everything */
  constructor(warmupEpochs: number, totalEpochs: number, maxRate: number, minRate: number) {
    if (!(warmupEpochs >= 0 && warmupEpochs <= totalEpochs && totalEpochs > 0)) {
      throw new R1Error('bad-option', `${warmupEpochs} epochs of warm-up do not fit into ${totalEpochs}.`)
    }
    this.warmupEpochs = warmupEpochs
    this.totalEpochs = totalEpochs
    this.maxRate = maxRate
    this.minRate = minRate
  }

  /** The rate after so many epochs. */
  rate(epochs: number): number {
    const { warmupEpochs: warmup, totalEpochs: total, maxRate, minRate } = this
    if (epochs < warmup) return (maxRate * epochs) / warmup
    const progress = Math.min(1, (epochs - warmup) / Math.max(total - warmup, Number.EPSILON))
    return minRate + (maxRate - minRate) * shapes.cosine(progress)
  }
}
