import { R1Error } from '../errors.ts'
import { bert } from './bert.ts'
import { bindModel } from './bind.ts'
import { deepseekV2, deepseekV3 } from './deepseek.ts'
import { gemma2 } from './gemma2.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { mistral } from './mistral.ts'
import type { Family, Model } from './model.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'
import { qwen3Moe } from './qwen3-moe.ts'
import { labelsOf, scoredModel } from './scored.ts'

type Bind = (config: Readonly<Record<string, unknown>>) => Model

/** A family with its configuration's type closed over. */
const entry = <Config extends object>(family: Family<Config>): readonly [string, Bind] => [
  family.modelType,
  (config) => bindModel(family, config),
]

const families: ReadonlyMap<string, Bind> = new Map([
  entry(llama),
  entry(qwen2),
  entry(qwen3),
  entry(qwen3Moe),
  entry(mistral),
  entry(gemma2),
  entry(deepseekV2),
  entry(deepseekV3),
  entry(gpt2),
  entry(bert),
])

/** `model_type` of every family. */
export function modelTypes(): readonly string[] {
  return [...families.keys()]
}

/**
 * The model that a config.json describes.
 *
 * @throws R1Error `unsupported-model` for another family or a value without a form here, `bad-config` for a broken key
 */
export function modelOf(config: Readonly<Record<string, unknown>>): Model {
  const bind = typeof config.model_type === 'string' ? families.get(config.model_type) : undefined
  if (bind) {
    const [model, labels] = [bind(config), labelsOf(config)]
    return labels !== undefined && model.hasHead ? scoredModel(model, labels) : model
  }
  throw new R1Error('unsupported-model', `There is no model family ${JSON.stringify(config.model_type) ?? 'given'}.`, {
    remedy: `The model_type of config.json is one of ${modelTypes().join(', ')}.`,
  })
}
