import type { Adapter, LowRankFactors } from '../checkpoint/peft/adapter.ts'
import { R1Error } from '../errors.ts'
import type { AdapterOptions } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import type { LoadedModel } from './load.ts'

function misfit(model: LoadedModel['model'], found: string): R1Error {
  return new R1Error('checkpoint-mismatch', `The adapter does not fit this ${model.modelType} model: ${found}.`, {
    remedy: 'Use the model that the adapter was trained on.',
  })
}

/** Every factor must find its layer, of its sizes. */
function checkFit({ model }: LoadedModel, { factors }: Adapter): void {
  const shapes = new Map(model.parameters().map(({ name, tensor }) => [name, tensor.shape.join()]))
  for (const { module, inputs, outputs } of factors.values()) {
    const shape = shapes.get(`${module}.weight`)
    if (shape === undefined) throw misfit(model, `it has no layer ${module}`)
    if (shape !== [outputs, inputs].join() && shape !== [inputs, outputs].join())
      throw misfit(model, `${module} is [${shape}], the adapter changes [${outputs},${inputs}]`)
  }
}

/** B with its module's scale in it, and both factors filled up with zeros to a common rank: the same product. */
function filledUp({ a, b, rank, inputs, outputs, scale }: LowRankFactors, common: number) {
  const down = NDArray.zeros([common, inputs])
  down.data.set(a)
  const up = NDArray.zeros([outputs, common])
  for (let output = 0; output < outputs; output++) {
    for (let at = 0; at < rank; at++) up.data[output * common + at] = scale * (b[output * rank + at] as number)
  }
  return { down, up }
}

/**
 * Puts an adapter's factors beside a model's parameters; nothing is merged. A graph traced over a scope with the options
 * that come back computes `x · Wᵀ + scale · x · Aᵀ · Bᵀ` in the adapter's layers; one without them is the model alone.
 *
 * @throws R1Error `checkpoint-mismatch` for a layer that the model does not have
 */
export function addAdapter(loaded: LoadedModel, adapter: Adapter): AdapterOptions {
  checkFit(loaded, adapter)
  const { variables } = loaded
  const rank = Math.max(1, ...[...adapter.factors.values()].map((factors) => factors.rank))
  for (const factors of adapter.factors.values()) {
    const { down, up } = filledUp(factors, rank)
    variables.put(`${factors.module}.lora_A.weight`, down)
    variables.put(`${factors.module}.lora_B.weight`, up)
  }
  return { rank, alpha: rank, accepts: (layer) => adapter.factors.has(layer) }
}
