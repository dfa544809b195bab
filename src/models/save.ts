import { type SaveOptions as CheckpointOptions, writeCheckpoint } from '../checkpoint/save.ts'
import { tensorOfFloat32 } from '../checkpoint/writable.ts'
import { R1Error } from '../errors.ts'
import type { NDArray } from '../runtime/array.ts'
import { copyTo } from '../runtime/transfer.ts'
import type { LoadedModel } from './load.ts'

/** What weights are stored as, and Hugging Face's names of these types. */
const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const

export interface SaveOptions extends Omit<CheckpointOptions, 'config'> {
  /** What the weights are stored as; f32 without it. */
  readonly dtype?: keyof typeof torchNames
}

function valuesOf(array: NDArray): Float32Array {
  if (array.device === 'cpu') return array.data as Float32Array
  using host = copyTo(array, 'cpu')
  return (host.data as Float32Array).slice()
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
  { dtype = 'F32', ...options }: SaveOptions = {},
): Promise<void> {
  const tensors = model.parameters().map(({ name, tensor }) => {
    const array = variables.get(name)
    if (!array) {
      throw new R1Error('variable-missing', `The parameter ${name} has no values to save.`, {
        remedy: 'Load or train the model first.',
      })
    }
    return tensorOfFloat32(name, dtype, tensor.shape as readonly number[], async () => valuesOf(array))
  })
  const { dtype: _, ...config } = model.config
  await writeCheckpoint(folder, tensors, { ...options, config: { ...config, torch_dtype: torchNames[dtype] } })
}
