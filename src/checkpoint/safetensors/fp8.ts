import { badCheckpoint } from '../failure.ts'
import { isRecord } from '../json.ts'
import type { ReadableTensor } from '../stored.ts'

/** Rows and columns of the blocks that share a scale. */
type BlockSize = readonly [number, number]

function blockSizeOf(config: Readonly<Record<string, unknown>>): BlockSize | undefined {
  const quantization = config.quantization_config
  if (!isRecord(quantization) || quantization.quant_method !== 'fp8') return undefined
  const size = quantization.weight_block_size
  if (!Array.isArray(size) || size.length !== 2 || !size.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw badCheckpoint('config.json', 'quantization_config has no usable weight_block_size')
  }
  return [size[0], size[1]]
}

/** Multiplies each value by the scale of its block. */
function scaled(weight: ReadableTensor, scale: ReadableTensor, [blockRows, blockColumns]: BlockSize): ReadableTensor {
  const [rows, columns] = weight.shape as [number, number]
  const scaleColumns = Math.ceil(columns / blockColumns)
  const scaleRows = Math.ceil(rows / blockRows)
  if (scale.shape[0] !== scaleRows || scale.shape[1] !== scaleColumns) {
    throw badCheckpoint(weight.name, `its scales have the shape ${scale.shape}, not ${scaleRows},${scaleColumns}`)
  }
  return {
    ...weight,
    readFloat32Into: async (values) => {
      const scales = new Float32Array(scaleRows * scaleColumns)
      await Promise.all([weight.readFloat32Into(values), scale.readFloat32Into(scales)])
      for (let index = 0; index < values.length; index += 1) {
        const row = Math.floor(index / columns / blockRows)
        const column = Math.floor((index % columns) / blockColumns)
        values[index] = (values[index] as number) * (scales[row * scaleColumns + column] as number)
      }
    },
  }
}

/**
 * FP8 checkpoints as DeepSeek-V3 publishes them: a weight in F8_E4M3 and beside it `<name>_scale_inv`, one f32 factor
 * for each block of weights. Reading such a weight as f32 applies the factors.
 */
export function withBlockScales(
  tensors: readonly ReadableTensor[],
  config: Readonly<Record<string, unknown>>,
): readonly ReadableTensor[] {
  const size = blockSizeOf(config)
  if (!size) return tensors
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  return tensors.map((tensor) => {
    const scale = byName.get(`${tensor.name}_scale_inv`)
    return scale && tensor.dtype === 'F8_E4M3' && tensor.shape.length === 2 ? scaled(tensor, scale, size) : tensor
  })
}
