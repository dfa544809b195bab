import { Scope } from '../nn/index.ts'
import { input } from '../tensor/index.ts'
import { checkConfig } from './config/check.ts'
import { withRopeKeys } from './config/rope.ts'
import type { Family, Model } from './model.ts'

/**
 * A model of a family.
 *
 * @param raw the keys of config.json
 * @throws R1Error `bad-config` or `unsupported-model`, naming the key
 */
export function bindModel<Config extends object>(
  family: Family<Config>,
  raw: Readonly<Record<string, unknown>>,
): Model {
  const { modelType, prefix } = family
  const spelled = withRopeKeys(raw)
  const config = checkConfig(family.config, spelled, modelType)
  const model: Model = {
    modelType,
    config: { architectures: family.architectures.slice(0, 1), ...spelled, ...config, model_type: modelType },
    prefix,
    ignored: family.ignored?.(config) ?? [],
    ...family.sizes(config),
    cacheLayout: family.cacheLayout(config),
    forward: (scope, inputs, options = {}) => family.forward(scope, config, inputs, options),
    head: (scope, hidden) => family.head(scope, config, hidden),
    parameters(options) {
      const scope = new Scope(options)
      const tokens = { dtype: 'i64', shape: [1, 1] } as const
      const { hidden } = model.forward(scope, { ids: input('ids', tokens), positions: input('positions', tokens) })
      if (model.hasHead) model.head(scope, hidden)
      return scope.parameters
    },
  }
  return model
}
