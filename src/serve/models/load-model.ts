import { locateCheckpoint } from '../../checkpoint/index.ts'
import { Embedder } from '../../generate/embed.ts'
import {
  Engine,
  type EngineOptions,
  EngineWorker,
  loadTextFormat,
  loadTextModel,
  type TextModel,
} from '../../generate/index.ts'
import type { ServeConfig } from '../config/schema.ts'
import { type ModelFacts, type ModelRunner, ServedModel } from './served-model.ts'

export type LoadConfig = Pick<
  ServeConfig,
  'slots' | 'context' | 'threads' | 'weights' | 'cacheType' | 'mostRequests' | 'mostQueuedTokens' | 'isolate'
>

/**
 * Loads a model and its engine, in a process of its own where the configuration wants it: a crash there is not one here.
 *
 * @param name a folder, a file or a name on the hub
 * @throws R1Error what locating, reading and compiling it throw
 */
export async function loadServedModel(
  id: string,
  name: string,
  config: LoadConfig,
  signal: AbortSignal,
): Promise<ServedModel> {
  const path = await locateCheckpoint(name, { signal })
  return config.isolate ? await loadApart(id, path, config, signal) : await loadHere(id, path, config, signal)
}

function engineOptions({
  slots,
  context,
  threads,
  cacheType,
  mostRequests,
  mostQueuedTokens,
}: LoadConfig): EngineOptions {
  return {
    slots,
    cacheType,
    // Requests are counted where they come in; each may ask for several texts.
    queue: { requests: mostRequests * 32, tokens: mostQueuedTokens * 32 },
    ...(context !== undefined && { context }),
    ...(threads !== undefined && { threads }),
  }
}

async function loadApart(id: string, path: string, config: LoadConfig, signal: AbortSignal): Promise<ServedModel> {
  const { weights } = config
  const starting = EngineWorker.start(path, { ...engineOptions(config), weights, signal })
  const [worker, format] = await Promise.all([starting, loadTextFormat(path, signal)]).catch(async (error: unknown) => {
    await starting.then((started) => started.close()).catch(() => undefined)
    throw error
  })
  const { facts } = worker
  const runner: ModelRunner = {
    engine: facts.generates ? worker : undefined,
    embed: (texts, stop) => worker.embed(texts, stop),
    close: () => worker.close(),
  }
  return new ServedModel(id, format, facts.vocabulary, runner, {
    family: facts.modelType,
    parameters: facts.parameters,
    weightBytes: facts.weightBytes,
    cacheBytes: worker.statistics.cacheBytes,
    precision: facts.weightType,
    slots: config.slots,
    context: facts.generates ? facts.context : facts.embeddingLength,
  })
}

async function loadHere(id: string, path: string, config: LoadConfig, signal: AbortSignal): Promise<ServedModel> {
  const text = await loadTextModel(path, { weights: config.weights, signal })
  try {
    const { model } = text
    const facts = factsOf(text, config)
    const generates = model.hasHead && model.cacheLayout.length > 0
    const engine = generates ? await Engine.create(text, engineOptions(config)) : undefined
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
