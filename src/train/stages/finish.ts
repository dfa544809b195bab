import { join, relative } from 'node:path'
import { copyCompanions, mergeLowRank } from '../../checkpoint/index.ts'
import { makeFolder } from '../../checkpoint/whole-folder.ts'
import type { LoadedModel } from '../../models/load.ts'
import { saveModel } from '../../models/save.ts'
import type { NDArray } from '../../runtime/array.ts'
import { stateNames } from '../step.ts'
import type { LoopOptions } from './options.ts'
import type { StageContext, StageResult } from './stage.ts'

const valuesOf = ({ variables }: LoadedModel, name: string): Float32Array | undefined =>
  (variables.get(name) as NDArray<'f32'> | undefined)?.data

/** Puts averages in the place of parameters, and adds adapters to the weights they change. */
function settle(loaded: LoadedModel, { ema, adapter }: LoopOptions): void {
  const names = [...loaded.variables.names]
  if (ema !== undefined) {
    for (const name of names) {
      const average = valuesOf(loaded, stateNames.average(name))
      if (average) valuesOf(loaded, name)?.set(average)
    }
  }
  if (!adapter) return
  for (const name of names) {
    const layer = /^(.*)\.lora_A\.weight$/.exec(name)?.[1]
    const [weight, a, b] = [`${layer}.weight`, name, `${layer}.lora_B.weight`].map((key) => valuesOf(loaded, key))
    if (layer === undefined || !weight || !a || !b) continue
    const { rank } = adapter
    const scale = (adapter.alpha ?? 2 * rank) / rank
    const [inputs, outputs] = [a.length / rank, b.length / rank]
    mergeLowRank(weight, { module: layer, a, b, rank, inputs, outputs, scale })
  }
}

/** Writes what a stage has trained as a checkpoint that is there whole or not at all. */
export async function finish(
  stage: string,
  loaded: LoadedModel,
  options: LoopOptions,
  context: StageContext,
  { metrics, data }: Omit<StageResult, 'checkpoint'>,
): Promise<StageResult> {
  const { folder, parent, seed } = context
  settle(loaded, options)
  const checkpoint = await makeFolder(join(folder, 'checkpoint'), async (out) => {
    await copyCompanions(parent, out)
    await saveModel(out, loaded, {
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
