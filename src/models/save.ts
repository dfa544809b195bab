import { type SaveOptions as CheckpointOptions, writeCheckpoint } from '../checkpoint/save.ts'
import { tensorOfFloat32 } from '../checkpoint/writable.ts'
import { R1Error } from '../errors.ts'
import { codedNames } from '../nn/index.ts'
import { copyTo } from '../runtime/transfer.ts'
import type { Variables } from '../runtime/variables.ts'
import { decodedWeight } from './coded-weights.ts'
import type { LoadedModel } from './load.ts'

/** What weights are stored as, and Hugging Face's names of these types. */
const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const

export interface SaveOptions extends Omit<CheckpointOptions, 'config'> {
  /** What the weights are stored as; f32 without it. */
  readonly dtype?: keyof typeof torchNames
  /** What is written in the place of a parameter's own values, made when its turn comes; its own where nothing comes back. */
  readonly changed?: (name: string) => Float32Array | undefined
}

/** How the values of a parameter are read when its turn comes. @throws R1Error `variable-missing` */
function ownValues(variables: Variables, name: string): () => Float32Array {
  const array = variables.get(name)
  if (array?.device === 'cpu') return () => array.data as Float32Array
  if (array) {
    return () => {
      using host = copyTo(array, 'cpu')
      return (host.data as Float32Array).slice()
    }
  }
  if (variables.get(codedNames.codes(name))) return () => decodedWeight(variables, name) as Float32Array
  throw new R1Error('variable-missing', `The parameter ${name} has no values to save.`, {
    remedy: 'Load or train the model first.',
  })
}

/**
 * Writes a model as a Hugging Face checkpoint folder: config.json and safetensors, under the names that other libraries
 * know. Tied weights are written once; moments, caches and adapters are not written.
 *
 * @throws R1Error `variable-missing` for a parameter without values, and what `writeCheckpoint` throws
 */
export async function saveModel(
  folder: string,
  { model, variables }: LoadedModel,
  { dtype = 'F32', changed, ...options }: SaveOptions = {},
): Promise<void> {
  const tensors = model.parameters().map(({ name, tensor }) => {
    const own = ownValues(variables, name)
    const values = async () => changed?.(name) ?? own()
    return tensorOfFloat32(name, dtype, tensor.shape as readonly number[], values)
  })
  const { dtype: _, ...config } = model.config
  await writeCheckpoint(folder, tensors, { ...options, config: { ...config, torch_dtype: torchNames[dtype] } })
}
