import { crossEntropy, Scope } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { gradients, type Tensor } from '../../tensor/index.ts'
import type { LoadedModel } from '../load.ts'
import type { ModelInputs } from '../model.ts'
import { largestGap, type Prompts } from './compare.ts'
import type { Reference } from './fixture.ts'

interface Batch extends ModelInputs {
  /** i64 `[B, S]`: the next token of each place */
  readonly targets: Tensor
  /** f32 `[B, S]`: 0 where there is no next token */
  readonly weights: Tensor
}

/** Loss of the next tokens and its gradients by every trainable parameter, by name. */
export async function lossAndGradients({ model, variables }: LoadedModel, { tokens }: Prompts, kernels: boolean) {
  using step = jit(
    ({ targets, weights, ...inputs }: Batch) => {
      const scope = new Scope()
      const { hidden } = model.forward(scope, inputs)
      const loss = crossEntropy(model.head(scope, hidden), targets, weights)
      const parameters = scope.trainable
      const found = gradients(
        loss,
        parameters.map(({ tensor }) => tensor),
      )
      return { loss, found: Object.fromEntries(parameters.map(({ name }, index) => [name, found[index] as Tensor])) }
    },
    { variables, kernels },
  )
  const { ids, segments } = tokens
  const width = ids.shape[1] as number
  const hasNext = (place: number) => (place + 1) % width !== 0 && (segments.data as BigInt64Array)[place + 1] === 0n
  const places = Array.from({ length: ids.size }, (_, place) => place)
  const batch = {
    ...tokens,
    targets: NDArray.from(
      places.map((place) => (hasNext(place) ? ((ids.data as BigInt64Array)[place + 1] as bigint) : 0n)),
      ids.shape,
      'i64',
    ),
    weights: NDArray.from(
      places.map((place) => Number(hasNext(place))),
      ids.shape,
    ),
  }
  const { loss, found } = await step.run(batch)
  return { loss: loss.toNumbers()[0] as number, gradients: new Map(Object.entries(found)) }
}

const size = (values: Float32Array): number => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)

/** Largest error of a gradient relative to that parameter's largest element in the reference. */
export async function largestGradientGap(found: ReadonlyMap<string, NDArray>, reference: Reference): Promise<number> {
  let largest = 0
  for (const name of reference.names.filter((name) => name.startsWith('grad.'))) {
    const expected = await reference.floats(name)
    const gradient = found.get(name.slice('grad.'.length))
    if (!gradient) return Number.POSITIVE_INFINITY
    // A parameter that the loss does not depend on (an expert no token chose) has no size of its own.
    largest = Math.max(largest, largestGap(gradient.data as Float32Array, expected) / Math.max(size(expected), 1e-4))
  }
  return largest
}
