import type { Model } from '../../models/model.ts'
import { logitsOf, Scope } from '../../nn/index.ts'
import { add, divide, exp, log, logSoftmax, maximum, multiply, subtract, sum, type Tensor } from '../../tensor/index.ts'
import type { Objective } from '../objective.ts'
import { nextToken } from './next-token.ts'

/**
 * How far the student S is from the teacher T: `forward` is KL(T‖S), `reverse` KL(S‖T), and a number β from 0 to 1 the
 * generalised Jensen-Shannon divergence β·KL(T‖M) + (1 − β)·KL(S‖M) with M = β·T + (1 − β)·S (GKD, arXiv:2306.13649).
 */
export type Divergence = 'forward' | 'reverse' | number

export interface DistillOptions {
  readonly teacher: Model
  readonly divergence?: Divergence
  /** Divides the logits of both. */
  readonly temperature?: number
  /** Share of the plain cross-entropy of the targets in the loss. */
  readonly targets?: number
}

/** Variables of the teacher have their own names behind this one. */
export const teacherScope = 'teacher'

/** Σ p (ln p − ln q) over the vocabulary: `[B, S, V]` to `[B, S]`. */
function divergenceOf(logP: Tensor, logQ: Tensor): Tensor {
  return sum(multiply(exp(logP), subtract(logP, logQ)), { axes: [-1] })
}

function divergence(teacher: Tensor, student: Tensor, kind: Divergence): Tensor {
  if (kind === 'forward') return divergenceOf(teacher, student)
  if (kind === 'reverse') return divergenceOf(student, teacher)
  // What both find impossible has a probability of 0 in f32, and no logarithm.
  const mixture = log(maximum(add(multiply(exp(teacher), kind), multiply(exp(student), 1 - kind)), 1e-37))
  return add(multiply(divergenceOf(teacher, mixture), kind), multiply(divergenceOf(student, mixture), 1 - kind))
}

/**
 * Distillation of logits: the student follows the teacher's whole distribution on the batch's tokens. Both must have the
 * same vocabulary. The teacher runs in the same graph; its parameters are the variables behind `teacher.`.
 */
export function distill({
  teacher,
  divergence: kind = 'forward',
  temperature = 1,
  targets = 0,
}: DistillOptions): Objective {
  return {
    name: 'distill',
    sums(pass) {
      const { batch, head } = pass
      const frozen = new Scope({ trainable: () => false }, teacherScope)
      const { hidden } = teacher.forward(frozen, batch)
      const logP = (logits: Tensor) => logSoftmax(divide(logits, temperature))
      const student = logitsOf(head)
      const distance = divergence(logP(logitsOf(teacher.head(frozen, hidden))), logP(student), kind)
      const total = sum(multiply(distance, batch.weights))
      if (targets === 0) return { loss: total, metrics: { divergence: total } }
      const plain = nextToken.sums(pass).loss
      return { loss: add(multiply(total, 1 - targets), multiply(plain, targets)), metrics: { divergence: total } }
    },
  }
}
