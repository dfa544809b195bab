import { z } from 'zod'
import { R1Error } from '../../errors.ts'
import { type Schedule, schedule, scheduleNames } from '../schedule.ts'
import { textDataSchema } from './text-data.ts'

const whole = z.int().positive()
const share = z.number().min(0).max(1)

/** A count that may be written as 500k, 15M or 1.5B. */
export const amount = z
  .union([z.number(), z.string().regex(/^\d+(\.\d+)?[kMB]?$/, 'must be a number such as 2000, 500k, 15M or 1.5B')])
  .transform((value) => {
    if (typeof value === 'number') return value
    const factor = { k: 1e3, M: 1e6, B: 1e9 }[value.at(-1) as 'k' | 'M' | 'B'] ?? 1
    return Math.round(Number.parseFloat(value) * factor)
  })
  .pipe(whole)

/** Low-rank adapters (arXiv:2106.09685). */
export const adapterSchema = z.strictObject({
  rank: whole.max(1024).default(8).describe('Rank of the two matrices.'),
  alpha: z
    .number()
    .positive()
    .optional()
    .describe('Their product is scaled by alpha / rank; twice the rank without it.'),
  layers: z
    .string()
    .default('_proj$')
    .describe('A regular expression: linear layers whose name it finds get an adapter.'),
  base: z
    .enum(['nf4', 'int8'])
    .optional()
    .describe(
      'Keeps the frozen weights under the adapters as codes of 4 or 8 bits (QLoRA, arXiv:2305.14314). What is saved is these, adapters merged.',
    ),
})

export type AdapterSettings = z.output<typeof adapterSchema>

/** Adversarial training on embeddings. */
const adversarialSchema = z.strictObject({
  method: z
    .enum(['fgm', 'pgd'])
    .default('fgm')
    .describe('One step along the gradient (arXiv:1605.07725), or several within a length (arXiv:1706.06083).'),
  epsilon: z.number().positive().default(1).describe('Length by which the table of embeddings is moved at the most.'),
  steps: whole.max(32).default(3).describe('Steps of `pgd`.'),
  stepLength: z.number().positive().optional().describe('Length of each step of `pgd`; half of `epsilon` without it.'),
  share: share.default(0.5).describe('Share of the loss where the embeddings are moved.'),
})

/** Elastic weight consolidation. */
const consolidationSchema = z.strictObject({
  strength: z.number().positive().default(100).describe('How firmly weights are held (λ of arXiv:1612.00796).'),
  data: textDataSchema.describe('Texts of what shall not be forgotten.'),
  rows: whole.max(4096).default(128).describe('Rows of them by which the weights that matter are found.'),
})

/** Further losses beside a stage's own. */
const objectivesSchema = z.strictObject({
  nextToken: z
    .number()
    .positive()
    .optional()
    .describe('Share of the cross-entropy of the targets; in pairs, of the chosen ones.'),
  confidence: z
    .number()
    .positive()
    .optional()
    .describe('Share of the negative entropy of the predictions: keeps them from growing too sure (arXiv:1701.06548).'),
  learned: z
    .boolean()
    .default(false)
    .describe('Lets the shares change by what is learnt (arXiv:1705.07115); else they stay as given.'),
})

/** What all stages that train have in common. */
export const loopShape = {
  steps: whole.optional().describe('Optimiser steps.'),
  tokens: amount.optional().describe('Tokens to train on, instead of steps: 500k, 15M, 1.5B.'),
  batch: whole.max(4096).default(16).describe('Rows of a step.'),
  length: whole
    .max(1 << 20)
    .default(256)
    .describe('Tokens of a row.'),
  accumulation: whole
    .max(4096)
    .default(1)
    .describe('Parts into which the rows of a step are cut, to save memory: the result is the same.'),
  rate: z.number().positive().default(1e-3).describe('Learning rate after warm-up.'),
  minimum: z.number().min(0).optional().describe('Learning rate at the end; a tenth of `rate` without it.'),
  schedule: z.enum(scheduleNames).default('cosine').describe('How the rate falls.'),
  warmup: share.default(0.1).describe('Share of the steps in which the rate rises.'),
  decay: share.default(0.2).describe('Share of the steps in which the rate of `wsd` falls.'),
  weightDecay: z.number().min(0).default(0.1).describe('Decoupled weight decay of matrices.'),
  beta1: share.default(0.9).describe('Decay of the first moment.'),
  beta2: share.default(0.95).describe('Decay of the second moment.'),
  clip: z.number().min(0).default(1).describe('Gradients are clipped to this global norm; 0 is no limit.'),
  ema: share.optional().describe('Decay of a moving average of the weights, which is what is saved.'),
  precision: z.enum(['f32', 'bf16']).default('f32').describe('Operands inside matrix products.'),
  checkpointing: z
    .boolean()
    .default(false)
    .describe('Computes activations again in the backward pass instead of keeping them.'),
  adapter: adapterSchema
    .optional()
    .describe('Trains low-rank adapters, with all else frozen; they are merged at the end.'),
  adversarial: adversarialSchema
    .optional()
    .describe('Learns where the embeddings stand and where they are moved to make the loss larger.'),
  consolidation: consolidationSchema
    .optional()
    .describe('Keeps what the model knows by holding the weights that matter to it (elastic weight consolidation).'),
  objectives: objectivesSchema.optional().describe('Further losses, added to the one of the stage with their shares.'),
  workers: whole
    .max(64)
    .default(1)
    .describe('Records that are made into tokens at once, and batches that lie ready: the result is the same.'),
  saveEvery: whole.default(100).describe('Steps between two saved states.'),
  evaluateEvery: whole.optional().describe('Steps between two looks at the held-out data.'),
  patience: whole.optional().describe('Looks without progress after which training ends.'),
} as const

export const loopSchema = z.strictObject(loopShape)

export type LoopOptions = z.output<typeof loopSchema>

/** Optimiser steps of a loop. @throws R1Error `bad-option` where neither steps nor tokens are given, or both */
export function stepsOf({ steps, tokens, batch, length }: LoopOptions): number {
  if ((steps === undefined) === (tokens === undefined)) {
    throw new R1Error(
      'bad-option',
      steps ? 'Both steps and tokens are given.' : 'Neither steps nor tokens are given.',
      {
        remedy: 'Say one of them.',
      },
    )
  }
  return steps ?? Math.max(1, Math.round((tokens as number) / (batch * length)))
}

/** Rows of each part of a step. @throws R1Error `bad-option` where they cannot be cut evenly */
export function rowsOfPart({ batch, accumulation }: LoopOptions): number {
  if (batch % accumulation === 0) return batch / accumulation
  throw new R1Error('bad-option', `${batch} rows cannot be cut into ${accumulation} equal parts.`, {
    remedy: 'Make `batch` a multiple of `accumulation`.',
  })
}

/** The learning rate of each step of a loop. @throws R1Error `bad-option` */
export function scheduleOf(options: LoopOptions): Schedule {
  const steps = stepsOf(options)
  const { rate, minimum = rate / 10, warmup, decay } = options
  return schedule(options.schedule, {
    rate,
    steps,
    minimum,
    warmup: Math.floor(warmup * steps),
    decay: Math.max(1, Math.floor(decay * steps)),
  })
}
