import { layerNorm as layerNormOf, ones, rmsNorm as rmsNormOf, type Tensor, zeros } from '../tensor/index.ts'
import type { Scope } from './scope.ts'

/** Root mean square norm over the last axis, with the scope's `weight`. */
export function rmsNorm(scope: Scope, x: Tensor, epsilon?: number): Tensor {
  return rmsNormOf(x, scope.parameter('weight', [Number(x.shape.at(-1))], ones), epsilon)
}

/** Layer norm over the last axis, with the scope's `weight` and `bias`. */
export function layerNorm(scope: Scope, x: Tensor, epsilon?: number): Tensor {
  const width = [Number(x.shape.at(-1))]
  return layerNormOf(x, scope.parameter('weight', width, ones), scope.parameter('bias', width, zeros), epsilon)
}
