import { join } from 'node:path'
import { writeJson } from '../checkpoint/atomic.ts'
import { writeSafetensorsFolder } from '../checkpoint/safetensors/write.ts'
import { tensorOfFloat32 } from '../checkpoint/writable.ts'
import { R1Error } from '../errors.ts'
import type { NDArray } from '../runtime/array.ts'
import { copyTo } from '../runtime/transfer.ts'
import type { LoadedModel } from './load.ts'

/** What weights are stored as, and Hugging Face's names of these types. */
const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const

export interface SaveOptions {
  readonly dtype?: keyof typeof torchNames
  /** The most bytes of tensors in one file. */
  readonly maxShardBytes?: number
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
 * @throws R1Error `variable-missing` for a parameter without values, `disk-full`
 */
export async function saveModel(
  folder: string,
  { model, variables }: LoadedModel,
  { dtype = 'F32', maxShardBytes }: SaveOptions = {},
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
  await writeSafetensorsFolder(folder, tensors, { maxShardBytes })
  await writeJson(join(folder, 'config.json'), { ...model.config, torch_dtype: torchNames[dtype] })
}
