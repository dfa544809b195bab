import { locateCheckpoint } from '../../checkpoint/hub/locate.ts'
import { EngineWorker } from '../../generate/worker/engine-worker.ts'
import { engineOptions, type LoadConfig } from './engine-options.ts'
import type { ModelRunner, ServedModel } from './served-model.ts'

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
  if (config.isolate) return await loadApart(id, path, config, signal)
  const { loadHere } = await import('./load-here.ts')
  return await loadHere(id, path, config, signal)
}

async function loadApart(id: string, path: string, config: LoadConfig, signal: AbortSignal): Promise<ServedModel> {
  const { weights } = config
  const starting = EngineWorker.start(path, { ...engineOptions(config), weights, signal })
  const [worker, format, { ServedModel }] = await Promise.all([
    starting,
    loadFormat(path, signal),
    import('./served-model.ts'),
  ]).catch(async (error: unknown) => {
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

/** What reads tokenizers and templates is loaded while the other process already loads the model. */
async function loadFormat(path: string, signal: AbortSignal) {
  const { loadTextFormat } = await import('../../generate/text/text-format.ts')
  return await loadTextFormat(path, signal)
}
