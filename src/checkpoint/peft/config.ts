import { z } from 'zod'
import { checkJson } from '../config.ts'
import { unsupportedCheckpoint } from '../failure.ts'

/**
 * adapter_config.json of a LoRA adapter in the layout of Hugging Face's PEFT.
 *
 * @see https://arxiv.org/abs/2106.09685 (LoRA), https://arxiv.org/abs/2312.03732 (rank-stabilised scaling)
 */
export const adapterConfigSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  /** Name or path of the model it was trained on. */
  base_model_name_or_path: z.string().nullish(),
  /** Rank. */
  r: z.number().int().min(1).max(65536),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).max(1).default(0),
  /** Last parts of the adapted modules' names, or one expression that matches them whole. */
  target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
  use_rslora: z.boolean().default(false),
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  task_type: z.string().nullish(),
  /** Ranks and alphas of modules that differ from the rest. */
  rank_pattern: z.record(z.string(), z.number().int().min(1)).default({}),
  alpha_pattern: z.record(z.string(), z.number().positive()).default({}),
  modules_to_save: z.array(z.string()).nullish(),
  fan_in_fan_out: z.boolean().default(false),
  use_dora: z.boolean().default(false),
})

/** A LoRA adapter's settings. */
export type AdapterConfig = z.output<typeof adapterConfigSchema>

/** Checks adapter_config.json. @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint' for variants of LoRA */
export function readAdapterConfig(value: Readonly<Record<string, unknown>>, file: string): AdapterConfig {
  if (value.peft_type !== undefined && value.peft_type !== 'LORA') {
    throw unsupportedCheckpoint(
      file,
      `it is of the kind ${String(value.peft_type).slice(0, 40)}`,
      'LoRA adapters are read.',
    )
  }
  const config = checkJson(adapterConfigSchema, value, file)
  if (config.use_dora) throw unsupportedCheckpoint(file, 'it uses DoRA', 'Plain LoRA and rsLoRA adapters are read.')
  return config
}

/** What a pattern's entry says of a module: patterns match the end of its name. */
function patternValue(pattern: Readonly<Record<string, number>>, module: string): number | undefined {
  if (Object.hasOwn(pattern, module)) return pattern[module]
  const entry = Object.entries(pattern).find(([end]) => module.endsWith(`.${end}`))
  return entry?.[1]
}

/** The factor of B·A for a module: alpha / r, or alpha / √r with rank-stabilised scaling. */
export function adapterScale(config: AdapterConfig, module: string): number {
  const rank = patternValue(config.rank_pattern, module) ?? config.r
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha
  return alpha / (config.use_rslora ? Math.sqrt(rank) : rank)
}
