import { loadTextModel } from '../../../generate/index.ts'
import type { WeightPrecision } from '../../../models/index.ts'
import { measureApart } from './apart.ts'
import { measureGap } from './gap.ts'
import { measureIdle } from './idle.ts'
import { measureLookup } from './lookup.ts'
import { measurePrefix } from './prefix.ts'
import { measureSampling } from './sampling.ts'
import type { Scenario } from './scenario.ts'

const measurements = {
  lookup: measureLookup,
  prefix: measurePrefix,
  sampling: measureSampling,
  gap: measureGap,
  idle: measureIdle,
  apart: measureApart,
}
export type MeasurementName = keyof typeof measurements
export type EngineFigures = { readonly [Name in MeasurementName]?: Awaited<ReturnType<(typeof measurements)[Name]>> }

export interface MeasureOptions extends Omit<Scenario, 'model'> {
  readonly path: string
  readonly weights: WeightPrecision
  readonly names: readonly MeasurementName[]
  progress(message: string): void
}

/** Measures what is asked for, one after the other, on one model. */
export async function measureEngine(options: MeasureOptions): Promise<EngineFigures> {
  const { path, weights, names, progress, ...scenario } = options
  const model = await loadTextModel(path, { weights, signal: scenario.signal })
  const found: Record<string, unknown> = {}
  try {
    for (const name of names) {
      progress(name)
      found[name] = await measurements[name]({ ...scenario, model })
    }
  } finally {
    model.variables.dispose()
  }
  return found as EngineFigures
}
