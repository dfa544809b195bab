import { z } from 'zod'
import type { Stage } from '../../train/stages/stage.ts'
import { policyShape } from './options.ts'
import { planPolicy, runPolicy } from './policy-stage.ts'

const whole = z.int().positive()

const options = z.strictObject({
  ...policyShape,
  group: whole.min(2).max(1024).default(16).describe('Completions of each question.'),
  advantages: z
    .enum(['grpo', 'dr-grpo', 'rloo'])
    .default('grpo')
    .describe('Rewards against those of the group: divided by their deviation, not divided, or against the others.'),
  loss: z
    .enum(['ppo', 'dapo', 'gspo', 'cispo'])
    .default('dapo')
    .describe('The policy loss; `dapo` is the clipped one with more room upwards.'),
  epochs: whole.max(64).default(1).describe('How often the completions of a step are learnt from.'),
  rounds: whole
    .max(16)
    .default(1)
    .describe('Replaces groups with equal rewards by further ones, in up to so many rounds; 1 keeps them.'),
  kl: z
    .strictObject({
      weight: z.number().positive().default(0.001).describe('Weight of the distance to the reference in the loss.'),
      // The gradient of k1 is 0 on average where the policy drew the tokens: as a loss it holds nothing.
      estimator: z.enum(['k2', 'k3']).default('k3').describe('How the distance is estimated.'),
      renew: whole.optional().describe('Steps after which the policy of that moment becomes the reference.'),
    })
    .optional()
    .describe('Keeps the policy near a reference: the model that the stage began with.'),
})

/** Learns from rewards, completions of one question against each other. */
export const grpo: Stage<typeof options> = {
  name: 'grpo',
  summary: 'Learns from rewards: completions of one question against each other (GRPO and its kin).',
  options,
  plan: (settings, context) => planPolicy(settings, settings.group, context),
  run: (settings, context) => {
    const { group, advantages, loss, epochs, rounds, kl, ratioClip, correction } = settings
    return runPolicy('grpo', settings, context, {
      ...{ group, advantages, epochs, rounds },
      objective: { loss, clip: ratioClip, largestCorrection: correction },
      kl: kl && { weight: kl.weight, estimator: kl.estimator },
      referenceEvery: kl?.renew,
    })
  },
}
