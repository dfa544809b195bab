import { z } from 'zod'
import { R1Error } from '../errors.ts'
import { bindModel } from './bind.ts'
import { size } from './config/fields.ts'
import { llama } from './llama.ts'
import type { Model } from './model.ts'
import { qwen3 } from './qwen3.ts'

/** Widths of the hidden states are a multiple of this. */
const step = 32
/** Feed-forward layers are a multiple of this wide: whole tiles of the kernels. */
const tile = 64

/** A mechanism that finds its place here when it is built; the models of today are plain. */
const none = z.literal('none').default('none')

const schema = z
  .object({
    /** Layers; every other size follows from it. */
    depth: size.max(128),
    vocabulary: size,
    /** Most tokens of a sequence. */
    positions: size.default(2048),
    /** The family under whose name the model is saved; Qwen 3 norms query and key heads, which steadies large learning rates. */
    architecture: z.enum(['llama', 'qwen3']).default('llama'),
    /** Width of the hidden states, where it shall not follow from the depth: a multiple of 32. */
    width: size.multipleOf(step).max(16384).optional(),
    ropeTheta: z.number().positive().default(10000),
    /** A gate on the output of attention heads. */
    gatedAttention: none,
    /** Experts in the place of feed-forward layers. */
    routing: none,
    /** Heads left out for tokens that do not need them. */
    headSkipping: none,
  })
  .strict()

const optional = Object.keys(schema.shape).filter((key) => key !== 'depth' && key !== 'vocabulary')

/** The dial of our own family for pretraining, and what may be set beside it. */
export type R1Preset = z.input<typeof schema>

/** Features of a head: 64, or 32 where that does not divide the width. */
function headWidthOf(width: number): number {
  return width % 64 === 0 ? 64 : step
}

function checkPreset(preset: R1Preset): z.output<typeof schema> {
  const result = schema.safeParse(preset)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue?.path.join('.') || 'the preset'
  throw new R1Error('bad-option', `A model of the family r1 cannot be made: ${where}: ${issue?.message}.`, {
    remedy: `Give a depth and a vocabulary; besides them there are ${optional.join(', ')}.`,
    cause: result.error,
  })
}

/** Key-value heads: one for three query heads, or for two, where there are more and it divides them. */
function keyValueHeads(heads: number): number {
  const group = [3, 2].find((count) => heads > count && heads % count === 0) ?? 1
  return heads / group
}

/**
 * Keys of config.json for a depth: a head of 64 features for each layer, feed-forward layers 8/3 as wide as the model
 * (arXiv:2002.05202), grouped key-value heads, tied embeddings.
 *
 * @throws R1Error `bad-option`, naming what is wrong
 */
export function r1Config(preset: R1Preset): Readonly<Record<string, unknown>> {
  const { depth, vocabulary, positions, architecture, ropeTheta, ...rest } = checkPreset(preset)
  const width = rest.width ?? depth * 64
  const headWidth = headWidthOf(width)
  const heads = width / headWidth
  return {
    model_type: architecture,
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: Math.ceil((width * 8) / 3 / tile) * tile,
    num_hidden_layers: depth,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads(heads),
    head_dim: headWidth,
    hidden_act: 'silu',
    max_position_embeddings: positions,
    rms_norm_eps: 1e-6,
    rope_theta: ropeTheta,
    tie_word_embeddings: true,
  }
}

/**
 * A model of our own family. Saved, it is a plain checkpoint of its architecture, which other libraries load.
 *
 * @throws R1Error `bad-option`, naming what is wrong
 */
export function r1Model(preset: R1Preset): Model {
  const config = r1Config(preset)
  return config.model_type === 'qwen3' ? bindModel(qwen3, config) : bindModel(llama, config)
}
