/** How weights are stored. */
export const formats = ['f32', 'bf16', 'int8', 'int4'] as const
export type Format = (typeof formats)[number]

/** The largest model, in parameters, for one use and each storage of its weights; null where the two do not go together. */
export interface Capacity {
  use: string
  meaning: string
  parameters: Record<Format, number | null>
}

/**
 * Bytes a weight takes as stored. Quantised weights carry one f16 scale a block of 32.
 */
const stored: Record<Format, number> = { f32: 4, bf16: 2, int8: 1 + 2 / 32, int4: 0.5 + 2 / 32 }

/** An f32 gradient and the two f32 moments of AdamW. */
const optimiser = 4 + 8
/** Adapters of about one hundredth of the model, each with its f32 weight, gradient and moments. */
const adapters = (4 + optimiser) / 100
/** The parts of memory given to weights and training state; the rest is for caches, and in training for activations. */
const share = { generation: 0.8, training: 0.6 }

/**
 * Estimates the largest models that fit.
 *
 * @param available - memory in bytes
 */
export function capacities(available: number): Capacity[] {
  const { generation, training } = share
  return [
    capacity('generate', 'weights only', available * generation, (format) => stored[format]),
    capacity(
      'adapt',
      'frozen weights and low-rank adapters',
      available * training,
      (format) => stored[format] + adapters,
    ),
    capacity('train', 'f32 masters, gradients and AdamW moments', available * training, trainingBytes),
  ]
}

function capacity(use: string, meaning: string, memory: number, bytes: (format: Format) => number | null): Capacity {
  const largest = (format: Format) => {
    const each = bytes(format)
    return each === null ? null : Math.floor(memory / each)
  }
  return {
    use,
    meaning,
    parameters: { f32: largest('f32'), bf16: largest('bf16'), int8: largest('int8'), int4: largest('int4') },
  }
}

/** Full training keeps f32 masters; a bf16 copy comes on top, and quantised weights cannot be trained. */
function trainingBytes(format: Format): number | null {
  if (format === 'f32') return 4 + optimiser
  if (format === 'bf16') return 2 + 4 + optimiser
  return null
}

/** 134 M for 134,515,008; 8.3 B for 8,300,000,000. */
export function inParameters(count: number): string {
  const [scaled, unit] = count >= 1e9 ? [count / 1e9, 'B'] : [count / 1e6, 'M']
  return `${scaled >= 100 ? Math.floor(scaled) : scaled.toFixed(1)} ${unit}`
}
