import { z } from 'zod'
import type { Stage } from '../../train/stages/stage.ts'
import { policyShape } from './options.ts'
import { planPolicy, runPolicy } from './policy-stage.ts'

const whole = z.int().positive()
const share = z.number().min(0).max(1)

const options = z.strictObject({
  ...policyShape,
  group: whole.max(1024).default(4).describe('Completions of each question.'),
  epochs: whole.max(64).default(4).describe('How often the completions of a step are learnt from.'),
  gamma: share.default(1).describe('Discount of later rewards.'),
  lambda: share.default(0.95).describe('0 trusts the value head, 1 the rewards (arXiv:1506.02438).'),
  valueWeight: z.number().positive().default(0.1).describe('Weight of the value loss.'),
  valueClip: z.number().positive().default(0.2).describe('How far a value may move before its loss is clipped.'),
  kl: z
    .strictObject({
      weight: z.number().positive().default(0.05).describe('What a nat of distance to the reference costs a token.'),
      target: z
        .number()
        .positive()
        .optional()
        .describe('Distance a token that the weight is changed to keep (arXiv:1909.08593); it stays without it.'),
      horizon: whole.default(10_000).describe('Completions over which the weight may change by a fifth.'),
    })
    .prefault({})
    .describe('Keeps the policy near the model that the stage began with, through the rewards.'),
  reward: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A reward model, the checkpoint of a stage `rewardModel`: its scores are learnt from, and the rewards of the environment only watched.',
    ),
})

/** Learns from rewards by a value head. */
export const ppo: Stage<typeof options> = {
  name: 'ppo',
  summary: 'Learns from rewards, written or learned, against a value head (proximal policy optimisation).',
  options,
  plan: (settings, context) => planPolicy(settings, settings.group, context),
  run: (settings, context) => {
    const { group, epochs, gamma, lambda, valueWeight, valueClip, kl, ratioClip, correction, reward } = settings
    return runPolicy('ppo', settings, context, {
      ...{ group, epochs, rounds: 1 },
      advantages: { gamma, lambda },
      objective: {
        loss: 'ppo',
        clip: ratioClip,
        value: { weight: valueWeight, clip: valueClip },
        largestCorrection: correction,
      },
      kl: {
        ...{ weight: kl.weight, estimator: 'k1', horizon: kl.horizon },
        ...(kl.target !== undefined && { target: kl.target }),
      },
      rewardModel: reward,
    })
  },
}
