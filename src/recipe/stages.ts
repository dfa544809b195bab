import { quantize } from '../compress/quantize.ts'
import { pretrain } from '../train/stages/pretrain.ts'
import { sft } from '../train/stages/sft.ts'
import type { Stage } from '../train/stages/stage.ts'

/** Every stage that a recipe may name. */
export const stages = [pretrain, sft, quantize] as unknown as readonly Stage[]
