import { unsupportedCheckpoint } from '../failure.ts'
import type { MetadataReader } from './reader.ts'

/** Llama 3's way to stretch rotary embeddings, as config.json spells it. */
export interface Llama3Scaling {
  readonly rope_type: 'llama3'
  readonly factor: number
  readonly low_freq_factor: number
  readonly high_freq_factor: number
  readonly original_max_position_embeddings: number
}

/**
 * What each frequency is divided by: 1 for fast ones, `factor` for slow ones, a blend between.
 *
 * @returns head dimension / 2 values, as GGUF keeps them in `rope_freqs.weight`
 */
export function llama3Factors(scaling: Llama3Scaling, theta: number, headDim: number): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = scaling
  return Float32Array.from({ length: headDim / 2 }, (_, index) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * index) / headDim)
    if (wavelength < context / high) return 1
    if (wavelength > context / low) return factor
    const smooth = (context / wavelength - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}

/** Shapes of Llama 3's scaling that published models use; the file keeps only the resulting factors. */
const publishedShapes = [
  { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 },
  { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 4096 },
  { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 2048 },
]

/** Finds the scaling that gives these factors. @throws R1Error 'unsupported-checkpoint' where none of the known does */
export function scalingOfFactors(factors: Float32Array, theta: number, file: string): Llama3Scaling {
  const factor = factors.reduce((largest, value) => Math.max(largest, value), 0)
  for (const shape of publishedShapes) {
    const scaling: Llama3Scaling = { rope_type: 'llama3', factor, ...shape }
    const expected = llama3Factors(scaling, theta, factors.length * 2)
    if (expected.every((value, index) => Math.abs(value / (factors[index] ?? 0) - 1) < 1e-3)) return scaling
  }
  throw unsupportedCheckpoint(
    file,
    'its rope_freqs.weight is none of the known scalings',
    'Use a safetensors checkpoint.',
  )
}

/** `rope_scaling` of config.json from the metadata, or undefined. */
export function readRopeScaling(reader: MetadataReader, file: string): Record<string, unknown> | undefined {
  const type = reader.text(reader.own('rope.scaling.type'))
  if (type === undefined || type === 'none') return undefined
  const factor = reader.real(reader.own('rope.scaling.factor')) ?? 1
  if (type === 'linear') return { rope_type: 'linear', factor }
  if (type !== 'yarn') throw unsupportedCheckpoint(file, `its rope scaling is ${type}`, 'Linear and yarn are read.')
  const optional: Record<string, number | undefined> = {
    original_max_position_embeddings: reader.whole(reader.own('rope.scaling.original_context_length')),
    attention_factor: reader.real(reader.own('rope.scaling.attn_factor')),
    beta_fast: reader.real(reader.own('rope.scaling.yarn_beta_fast')),
    beta_slow: reader.real(reader.own('rope.scaling.yarn_beta_slow')),
  }
  const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined))
  return { rope_type: 'yarn', factor, ...present }
}
