import { R1Error } from '../../errors.ts'
import { Engine, loadTextModel, type TextModel } from '../../generate/index.ts'
import type { ServeConfig } from '../config/schema.ts'
import { type ModelFacts, ServedModel } from './served-model.ts'

type LoadConfig = Pick<
  ServeConfig,
  'slots' | 'context' | 'threads' | 'weights' | 'cacheType' | 'mostRequests' | 'mostQueuedTokens'
>

/**
 * Loads a model and its engine.
 *
 * @param path a folder, a file or a name on the hub
 */
export async function loadServedModel(
  id: string,
  path: string,
  config: LoadConfig,
  signal: AbortSignal,
): Promise<ServedModel> {
  const text = await loadTextModel(path, { weights: config.weights, signal })
  try {
    const { model, variables } = text
    // Before the engine adds its cache to the variables.
    const weightBytes = variables.names.reduce((sum, name) => sum + (variables.get(name)?.data.byteLength ?? 0), 0)
    const generates = model.hasHead && model.cacheLayout.length > 0
    const context = Math.min(config.context ?? 4096, model.positions)
    const engine = generates
      ? await Engine.create(text, {
          slots: config.slots,
          context,
          cacheType: config.cacheType,
          queue: { requests: config.mostRequests * 8, tokens: config.mostQueuedTokens },
          ...(config.threads !== undefined && { threads: config.threads }),
        })
      : undefined
    return new ServedModel(id, text, engine, { ...factsOf(text, engine, config), weightBytes })
  } catch (error) {
    text.variables.dispose()
    throw error
  }
}

function factsOf(
  { model, stored }: TextModel,
  engine: Engine | undefined,
  { slots, weights }: LoadConfig,
): Omit<ModelFacts, 'weightBytes'> {
  const [packed] = stored?.values() ?? []
  return {
    family: model.modelType,
    parameters: model.parameters().reduce((sum, { tensor }) => sum + sizeOf(tensor.shape), 0),
    cacheBytes: engine?.statistics.cacheBytes ?? 0,
    precision: weights === 'file' ? (packed?.type ?? 'f32') : weights,
    slots,
    context: engine?.context ?? model.positions,
  }
}

function sizeOf(shape: readonly unknown[]): number {
  return shape.reduce<number>((product, extent) => {
    if (typeof extent !== 'number') throw new R1Error('bad-argument', 'A parameter has an extent without a size.')
    return product * extent
  }, 1)
}
