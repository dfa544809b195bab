import { join, relative } from 'node:path'
import { copyCompanions, mergeLowRank } from '../../checkpoint/index.ts'
import { makeFolder } from '../../checkpoint/whole-folder.ts'
import { decodedWeight, type Model } from '../../models/index.ts'
import type { LoadedModel } from '../../models/load.ts'
import { saveModel } from '../../models/save.ts'
import type { NDArray } from '../../runtime/array.ts'
import { stateNames } from '../step.ts'
import type { AdapterSettings, LoopOptions } from './options.ts'
import type { StageContext, StageResult } from './stage.ts'

const valuesOf = ({ variables }: LoadedModel, name: string): Float32Array | undefined =>
  (variables.get(name) as NDArray<'f32'> | undefined)?.data

/** Puts averages in the place of parameters. */
function settle(loaded: LoadedModel): void {
  for (const name of [...loaded.variables.names]) {
    const average = valuesOf(loaded, stateNames.average(name))
    if (average) valuesOf(loaded, name)?.set(average)
  }
}

/** Weights with the adapters that change them, each made when it is asked for. */
function mergedWeights(loaded: LoadedModel, { rank, alpha = 2 * rank }: AdapterSettings) {
  const transposed = keepsTransposed(loaded.model)
  return (name: string): Float32Array | undefined => {
    const layer = name.replace(/\.weight$/, '')
    const [a, b] = ['lora_A', 'lora_B'].map((factor) => valuesOf(loaded, `${layer}.${factor}.weight`))
    const weight = a && b && (decodedWeight(loaded.variables, name) ?? valuesOf(loaded, name)?.slice())
    if (!weight) return undefined
    const [inputs, outputs, scale] = [a.length / rank, b.length / rank, alpha / rank]
    mergeLowRank(weight, { module: layer, a, b, rank, inputs, outputs, scale, transposed })
    return weight
  }
}

/** Whether the model's linear layers keep their weights as `[inputs, outputs]`, as GPT-2's do. */
function keepsTransposed(model: Model): boolean {
  const every = model.parameters({ adapter: { rank: 1, alpha: 1, accepts: () => true } })
  const sizes = new Map(every.map(({ name, tensor }) => [name, tensor.shape]))
  return every.some(({ name, tensor }) => {
    const [layer, factor] = name.split('.lora_')
    // The first factor is [1, inputs]: of a square matrix nobody can say.
    return factor === 'A.weight' && sizes.get(`${layer}.weight`)?.[1] !== tensor.shape[1]
  })
}

/**
 * Writes what a stage has trained as a checkpoint that is there whole or not at all.
 *
 * @param options what stands for the weights: their averages, adapters over them
 */
export async function finish(
  stage: string,
  loaded: LoadedModel,
  options: Pick<LoopOptions, 'ema' | 'adapter'>,
  context: StageContext,
  { metrics, data }: Omit<StageResult, 'checkpoint'>,
): Promise<StageResult> {
  const { folder, parent, seed } = context
  if (options.ema !== undefined) settle(loaded)
  const { adapter } = options
  const checkpoint = await makeFolder(join(folder, 'checkpoint'), async (out) => {
    await copyCompanions(parent, out)
    await saveModel(out, loaded, {
      ...(adapter && { changed: mergedWeights(loaded, adapter) }),
      lineage: {
        version: 1,
        parent: { name: relative(folder, parent) },
        stage,
        seed,
        metrics: { ...metrics },
        data: { ...data },
      },
    })
  })
  return { checkpoint, metrics, data }
}
