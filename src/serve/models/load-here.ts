import { Embedder } from '../../generate/embed.ts'
import { generates } from '../../generate/engine.ts'
import { Engine, loadTextModel, type TextModel } from '../../generate/index.ts'
import { engineOptions, type LoadConfig } from './engine-options.ts'
import { type ModelFacts, type ModelRunner, ServedModel } from './served-model.ts'

/** Loads a model and its engine into this process. @throws R1Error what reading and compiling it throw */
export async function loadHere(
  id: string,
  path: string,
  config: LoadConfig,
  signal: AbortSignal,
): Promise<ServedModel> {
  const text = await loadTextModel(path, { weights: config.weights, signal })
  try {
    const { model } = text
    const facts = factsOf(text, config)
    const engine = generates(model) ? await Engine.create(text, engineOptions(config)) : undefined
    const embedder = new Embedder(text)
    const runner: ModelRunner = {
      engine,
      embed: (texts) => embedder.embed(texts),
      async close() {
        await engine?.close()
        await embedder.dispose()
        text.variables.dispose()
      },
    }
    return new ServedModel(id, text, model.vocabulary, runner, {
      ...facts,
      cacheBytes: engine?.statistics.cacheBytes ?? 0,
      context: engine?.context ?? model.positions,
    })
  } catch (error) {
    text.variables.dispose()
    throw error
  }
}

/** What is known before the engine adds its cache to the variables. */
function factsOf(
  { model, variables, stored }: TextModel,
  { slots, weights }: LoadConfig,
): Omit<ModelFacts, 'cacheBytes' | 'context'> {
  const [packed] = stored?.values() ?? []
  const size = (shape: readonly unknown[]) => shape.reduce<number>((product, extent) => product * Number(extent), 1)
  return {
    family: model.modelType,
    parameters: model.parameters().reduce((sum, { tensor }) => sum + size(tensor.shape), 0),
    weightBytes: variables.names.reduce((sum, name) => sum + (variables.get(name)?.data.byteLength ?? 0), 0),
    precision: weights === 'file' ? (packed?.type ?? 'f32') : weights,
    slots,
  }
}
