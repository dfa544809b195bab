import { logitsOf, Scope, type ScopeOptions } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import type { CodeFormat, Tensor } from '../../tensor/index.ts'
import type { LoadedModel } from '../load.ts'

const ids = [3, 1, 4, 1, 5, 9, 2, 6]
const row = (values: readonly number[]) => NDArray.from(values.map(BigInt), [1, values.length], 'i64')

/** Adapters of rank 2 and alpha 3 on the layers, over weights stored as codes where a format is named. */
export const adaptedScope = (layers: RegExp, base?: CodeFormat): ScopeOptions => ({
  adapter: { rank: 2, alpha: 3, accepts: (layer) => layers.test(layer), base },
})

/** Logits of a row of eight tokens under a scope with these options. */
export async function logitsUnder(
  { model, variables }: LoadedModel,
  options: ScopeOptions,
  kernels = true,
): Promise<Float32Array> {
  using step = jit(
    ({ ids, positions }: { ids: Tensor; positions: Tensor }) => {
      const scope = new Scope(options)
      return logitsOf(model.head(scope, model.forward(scope, { ids, positions }).hidden))
    },
    { variables, kernels },
  )
  const found = await step.run({ ids: row(ids), positions: row([...ids.keys()]) })
  return (found.data as Float32Array).slice()
}

/** Gives the second factors of all adapters, which begin as zeros, something to add. */
export function fillAdapters({ model, variables }: LoadedModel, scope: ScopeOptions): void {
  for (const { name, tensor } of model.parameters(scope)) {
    if (!name.endsWith('.lora_B.weight')) continue
    const { data } = variables.ensure(tensor, name) as NDArray<'f32'>
    for (const index of data.keys()) data[index] = Math.sin(index) / 10
  }
}
