import { z } from 'zod'
import { environmentSchema } from '../../train/stages/environment-option.ts'
import { loopShape } from '../../train/stages/options.ts'

const whole = z.int().positive()
const share = z.number().min(0).max(1)

const guardsSchema = z.strictObject({
  window: whole.max(1000).default(8).describe('Steps over which the guards average.'),
  zeroVariance: share
    .default(0.9)
    .describe('Stops a start in which more than this share of the groups have equal rewards; 0 never stops.'),
  entropy: share.default(0.1).describe('Stops when the entropy falls below this part of that of the first steps.'),
  passAtK: share
    .default(0.1)
    .describe(
      'Stops when the share of questions solved once in a group falls by so much below its best, and by more than chance.',
    ),
})

const measureSchema = z.strictObject({
  every: whole.default(25).describe('Steps between two measurements.'),
  problems: whole.max(100_000).default(128).describe('Held-out problems that are measured on.'),
  samples: z.int().min(0).max(256).default(0).describe('Samples of each beside the greedy answer.'),
})

/** What all stages of reinforcement learning have in common. */
export const policyShape = {
  environment: environmentSchema,
  steps: whole.default(100).describe('Steps: completions are drawn, judged and learnt from in each.'),
  questions: whole.max(65_536).default(32).describe('Questions of a step.'),
  promptLength: whole
    .max(1 << 20)
    .default(128)
    .describe('Most tokens of a prompt; problems with longer ones are passed over.'),
  maxNewTokens: whole
    .max(1 << 20)
    .default(256)
    .describe('Most tokens of a completion.'),
  rate: z.number().positive().default(3e-5).describe('Learning rate after warm-up.'),
  minimum: loopShape.minimum,
  schedule: loopShape.schedule.default('constant'),
  warmup: loopShape.warmup,
  decay: loopShape.decay,
  weightDecay: z.number().min(0).default(0).describe('Decoupled weight decay of matrices.'),
  beta1: loopShape.beta1,
  beta2: loopShape.beta2,
  clip: loopShape.clip,
  precision: loopShape.precision,
  checkpointing: loopShape.checkpointing,
  ratioClip: z
    .strictObject({ low: z.number().min(0), high: z.number().min(0) })
    .optional()
    .describe('How far the ratio of probabilities may be from 1; what the loss was published with, without it.'),
  aggregation: z
    .enum(['sequence-mean', 'token-mean', 'constant'])
    .optional()
    .describe(
      'What the loss is divided by: each completion (without it, for `gspo`), a constant (for `dr-grpo`), or all tokens (else).',
    ),
  correction: z
    .number()
    .min(1)
    .default(2)
    .describe('Most that a token counts where the trainer finds it likelier than the engine that drew it.'),
  minibatches: whole.max(1024).default(1).describe('Updates into which the completions of a step are cut.'),
  maskTruncated: z.boolean().default(false).describe('Does not learn from completions that were cut off.'),
  overlongBuffer: z
    .int()
    .min(0)
    .default(0)
    .describe('Over the last so many tokens of the length the reward falls by up to 1.'),
  rows: whole
    .max(4096)
    .default(16)
    .describe('Completions of full length in a part of an update, to bound memory: the result is the same.'),
  slots: whole.max(1024).default(64).describe('Completions that are drawn side by side.'),
  rolloutPrecision: loopShape.precision.describe(
    'Operands inside matrix products while completions are drawn; with bf16 keys and values are kept in f16.',
  ),
  measure: measureSchema.optional().describe('Measures on held-out problems, first before the first step.'),
  guards: guardsSchema.prefault({}).describe('When a run that fails is stopped.'),
  samplesEvery: whole.default(10).describe('Steps between two looks at completions in `samples.jsonl`.'),
  saveEvery: whole.default(10).describe('Steps between two saved states.'),
} as const

export const policySchema = z.strictObject(policyShape)

/** Options that `grpo` and `ppo` share, checked. */
export type PolicyOptions = z.output<typeof policySchema>
