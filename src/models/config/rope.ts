import { z } from 'zod'
import {
  dynamicRotaryTables,
  llama3Frequencies,
  type RotaryTables,
  rotaryFrequencies,
  rotaryTables,
  yarnFrequencies,
  yarnScale,
} from '../../nn/index.ts'
import type { Tensor } from '../../tensor/index.ts'

const positive = z.number().positive()
const positions = z.number().int().positive()

/** `rope_scaling` of config.json: how positions beyond those of pretraining are reached. */
const ropeScalingSchema = z.discriminatedUnion('rope_type', [
  z.object({ rope_type: z.literal('default') }),
  z.object({ rope_type: z.literal('linear'), factor: positive }),
  z.object({ rope_type: z.literal('dynamic'), factor: positive }),
  z.object({
    rope_type: z.literal('llama3'),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: positions,
  }),
  z.object({
    rope_type: z.literal('yarn'),
    factor: positive.nullish(),
    original_max_position_embeddings: positions.nullish(),
    attention_factor: positive.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    mscale: z.number().nonnegative().nullish(),
    mscale_all_dim: z.number().nonnegative().nullish(),
    truncate: z.boolean().nullish(),
  }),
])

export type RopeScaling = z.output<typeof ropeScalingSchema>

const whole = 'only heads that turn whole are read'

/** The keys of config.json that say how heads turn with their positions. */
export const ropeFields = {
  max_position_embeddings: positions,
  rope_theta: positive.nullish().transform((theta) => theta ?? 10000),
  rope_scaling: ropeScalingSchema.nullish().transform((scaling) => scaling ?? null),
  partial_rotary_factor: z
    .number()
    .refine((factor) => factor === 1, whole)
    .nullish(),
} as const

export interface RopeConfig {
  readonly max_position_embeddings: number
  readonly rope_theta: number
  readonly rope_scaling: RopeScaling | null
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A config.json with its rotary keys in one spelling: `rope_theta` and `rope_scaling.rope_type`. Newer files hold both in
 * `rope_parameters`, older ones call the type `type`.
 */
export function withRopeKeys(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { rope_parameters: parameters, ...config } = raw
  const { rope_theta = config.rope_theta, ...inner } = isRecord(parameters) ? parameters : {}
  const given = Object.keys(inner).length > 0 ? inner : config.rope_scaling
  if (!isRecord(given)) return { ...config, rope_theta, rope_scaling: null }
  const { type, rope_type = type ?? 'default', ...rest } = given
  return { ...config, rope_theta, rope_scaling: rope_type === 'default' ? null : { ...rest, rope_type } }
}

/** YaRN's stretch: given, or by how much the positions grew since pretraining. */
function yarnStretch({ max_position_embeddings }: RopeConfig, scaling: Extract<RopeScaling, { rope_type: 'yarn' }>) {
  const context = scaling.original_max_position_embeddings ?? max_position_embeddings
  return { context, factor: scaling.factor ?? max_position_embeddings / context }
}

/**
 * The rotary tables of a model.
 *
 * @param width features of a head that turn
 * @param length number of positions in the tables
 * @param positions i64 `[B, S]`, read where the tables depend on the longest row
 */
export function rotaryOf(config: RopeConfig, width: number, length: number, positions: Tensor): RotaryTables {
  const { rope_theta: theta, rope_scaling: scaling } = config
  const frequencies = rotaryFrequencies(width, theta)
  switch (scaling?.rope_type) {
    case 'linear':
      return rotaryTables(
        frequencies.map((frequency) => frequency / scaling.factor),
        length,
      )
    case 'dynamic': {
      const { factor } = scaling
      return dynamicRotaryTables(width, { theta, factor, context: config.max_position_embeddings }, positions, length)
    }
    case 'llama3': {
      const { factor, low_freq_factor: low, high_freq_factor: high } = scaling
      const context = scaling.original_max_position_embeddings
      return rotaryTables(llama3Frequencies(frequencies, { factor, low, high, context }), length)
    }
    case 'yarn': {
      const { context, factor } = yarnStretch(config, scaling)
      const { beta_fast, beta_slow, truncate, mscale, mscale_all_dim } = scaling
      const borders = { fast: beta_fast || 32, slow: beta_slow || 1, truncate: truncate ?? true }
      const scale =
        scaling.attention_factor ??
        (mscale && mscale_all_dim ? yarnScale(factor, mscale) / yarnScale(factor, mscale_all_dim) : yarnScale(factor))
      return rotaryTables(yarnFrequencies(frequencies, theta, { factor, context, ...borders }), length, scale)
    }
    default:
      return rotaryTables(frequencies, length)
  }
}

/** The factor by which latent attention sharpens its scores under YaRN: mscale², 1 without (DeepSeek-V2, arXiv:2405.04434). */
export function ropeSharpening(config: RopeConfig): number {
  const { rope_scaling: scaling } = config
  if (scaling?.rope_type !== 'yarn' || !scaling.mscale_all_dim) return 1
  return yarnScale(yarnStretch(config, scaling).factor, scaling.mscale_all_dim) ** 2
}
