import { R1Error } from '../../errors.ts'
import type { Model } from '../../models/model.ts'
import {
  add,
  divide,
  gradients,
  minimum,
  multiply,
  sqrt,
  square,
  stopGradient,
  subtract,
  sum,
  type Tensor,
} from '../../tensor/index.ts'
import type { Objective, Pass } from '../objective.ts'

export interface AdversarialOptions {
  /** `fgm`: one step of length ε along the gradient (arXiv:1605.07725). `pgd`: several steps that stay within ε (arXiv:1706.06083). */
  readonly method: 'fgm' | 'pgd'
  /** Largest length of the perturbation of the embedding table. */
  readonly epsilon?: number
  /** Steps of `pgd`, and the length of each. */
  readonly steps?: number
  readonly stepLength?: number
  /** Share of the perturbed loss in the loss. */
  readonly share?: number
}

/** Name of a model's table of token embeddings. @throws R1Error `unsupported-model` */
export function embeddingName(model: Model): string {
  const found = model.parameters().find(({ name }) => /(embed_tokens|wte|word_embeddings)\.weight$/.test(name))
  if (found) return found.name
  throw new R1Error('unsupported-model', `${model.modelType} has no table of embeddings to perturb.`)
}

const lengthOf = (x: Tensor): Tensor => sqrt(add(sum(square(x)), 1e-24))

/** A tensor as it is, or shortened to a length. */
const within = (x: Tensor, length: number): Tensor => multiply(x, minimum(divide(length, lengthOf(x)), 1))

/**
 * Adversarial training on embeddings: the loss where the embeddings stand, and where they are moved to make it larger.
 */
export function adversarial(objective: Objective, options: AdversarialOptions): Objective {
  const { method, epsilon = 1, share = 0.5 } = options
  const steps = method === 'fgm' ? 1 : (options.steps ?? 3)
  const stepLength = method === 'fgm' ? epsilon : (options.stepLength ?? epsilon / 2)
  return {
    ...objective,
    name: `${objective.name} under ${method}`,
    sums(pass: Pass) {
      const name = embeddingName(pass.model)
      const table = pass.scope.parameters.find((parameter) => parameter.name === name)?.tensor as Tensor
      const clean = objective.sums(pass)
      let [moved, loss] = [table, clean.loss]
      for (let step = 0; step < steps; step++) {
        const slope = gradients(loss, [moved])[0] as Tensor
        const direction = divide(slope, lengthOf(slope))
        const away = subtract(add(moved, multiply(direction, stepLength)), table)
        const held = stopGradient(method === 'fgm' ? away : within(away, epsilon))
        moved = add(table, held)
        loss = objective.sums(pass.again(new Map([[name, moved]]))).loss
      }
      return {
        loss: add(multiply(clean.loss, 1 - share), multiply(loss, share)),
        metrics: { ...clean.metrics, adversarial: loss },
      }
    },
  }
}
