import { quantize } from '../compress/quantize.ts'
import { evaluate } from '../evaluate/stage.ts'
import { grpo } from '../rl/stages/grpo.ts'
import { ppo } from '../rl/stages/ppo.ts'
import { adapt } from '../train/stages/adapt.ts'
import { distill } from '../train/stages/distill.ts'
import { dpo } from '../train/stages/dpo.ts'
import { pretrain } from '../train/stages/pretrain.ts'
import { rewardModel } from '../train/stages/reward-model.ts'
import { sft } from '../train/stages/sft.ts'
import type { Stage } from '../train/stages/stage.ts'

/** Every stage that a recipe may name. */
export const stages = [
  pretrain,
  adapt,
  sft,
  dpo,
  rewardModel,
  grpo,
  ppo,
  distill,
  quantize,
  evaluate,
] as unknown as readonly Stage[]
