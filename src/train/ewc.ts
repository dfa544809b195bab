import type { LoadedModel } from '../models/load.ts'
import { type Parameter, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import { add, assign, gradients, multiply, square, subtract, sum, type Tensor, variable } from '../tensor/index.ts'
import type { Batch } from './batch.ts'
import { forwardPass, type Objective, type TracedBatch } from './objective.ts'
import { presentArrays, type StepOptions } from './step.ts'

/*
 * Elastic weight consolidation (arXiv:1612.00796): what a model knows is kept by holding each parameter near its old value
 * as firmly as the old task needed it, (λ/2) Σ F (θ − θ*)².
 */

const fisherName = (parameter: string): string => `${parameter}.fisher`
const anchorName = (parameter: string): string => `${parameter}.anchor`

/**
 * Measures how much each parameter matters to what the model does now, and remembers its value: the diagonal of the Fisher
 * information, estimated by the squared gradients of the mean loss of single batches. Batches of one row are exact
 * estimates of the rows' mean; larger ones are smaller by about their number of rows.
 *
 * @returns how many batches were seen
 */
export async function consolidate(
  { model, variables }: LoadedModel,
  objective: Objective,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  options: Pick<StepOptions, 'scope' | 'precision' | 'threads'> = {},
): Promise<number> {
  const { scope: scopeOptions, ...jitOptions } = options
  const names: string[] = []
  const body = ({ batch, scale }: { batch: TracedBatch; scale: Tensor }) => {
    const scope = new Scope(scopeOptions)
    const { loss } = objective.sums(forwardPass(model, scope, batch))
    const parameters = scope.trainable
    names.splice(0, names.length, ...parameters.map(({ name }) => name))
    const found = gradients(
      multiply(loss, scale),
      parameters.map(({ tensor }) => tensor),
    )
    for (const [index, { name, tensor }] of parameters.entries()) {
      const fisher = variable(fisherName(name), tensor)
      assign(fisher, add(fisher, square(found[index] as Tensor)))
    }
    return loss
  }
  using compiled = jit(body, { variables, ...jitOptions })
  let count = 0
  for await (const batch of batches) {
    const weight = (batch.weights.data as Float32Array).reduce((total, value) => total + value, 0)
    await compiled.run({
      batch: presentArrays(batch),
      scale: NDArray.scalar(1 / Math.max(weight, 1)),
    })
    count++
  }
  for (const name of names) {
    const fisher = variables.get(fisherName(name))?.data as Float32Array
    for (let index = 0; index < fisher.length; index++) fisher[index] = (fisher[index] as number) / Math.max(count, 1)
    const parameter = variables.get(name) as NDArray<'f32'>
    variables.set(anchorName(name), NDArray.from(parameter.data, parameter.shape))
  }
  return count
}

/** What holds consolidated parameters in their place, as a `penalty` of a training step. */
export function consolidation(strength: number) {
  return (parameters: readonly Parameter[]): Tensor =>
    parameters
      .map(({ name, tensor }) => {
        const away = subtract(tensor, variable(anchorName(name), tensor))
        return multiply(sum(multiply(variable(fisherName(name), tensor), square(away))), strength / 2)
      })
      .reduce((total, part) => add(total, part))
}
