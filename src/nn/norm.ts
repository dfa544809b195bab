import { add, layerNorm as layerNormOf, ones, rmsNorm as rmsNormOf, type Tensor, zeros } from '../tensor/index.ts'
import type { Scope } from './scope.ts'

/** Root mean square norm over the last axis, with the scope's `weight`. */
export function rmsNorm(scope: Scope, x: Tensor, epsilon?: number): Tensor {
  return rmsNormOf(x, scope.parameter('weight', [Number(x.shape.at(-1))], ones), epsilon)
}

/** Root mean square norm by 1 + the scope's `weight`, which begins at zero (Gemma, arXiv:2403.08295). */
export function centeredRmsNorm(scope: Scope, x: Tensor, epsilon?: number): Tensor {
  return rmsNormOf(x, add(scope.parameter('weight', [Number(x.shape.at(-1))], zeros), 1), epsilon)
}

/** Layer norm over the last axis, with the scope's `weight` and `bias`. */
export function layerNorm(scope: Scope, x: Tensor, epsilon?: number): Tensor {
  const width = [Number(x.shape.at(-1))]
  return layerNormOf(x, scope.parameter('weight', width, ones), scope.parameter('bias', width, zeros), epsilon)
}
