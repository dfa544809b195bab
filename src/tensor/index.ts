export { type Coded, decodeInt8, decodeNF4, encodeInt8, encodeNF4, nf4Block } from './codes.ts'
export type { Dimension } from './dimension.ts'
export { byteSize, type DType, dtypes, isFloating } from './dtype.ts'
export { gradient, gradients, valueAndGradient } from './gradient.ts'
export { type Assignment, type Graph, type GraphNode, Tensor } from './graph.ts'
export { type LossScaling, type LossScalingOptions, lossScaling } from './loss-scaling.ts'
export { type Operator, operators, type ProductShape, type Target } from './operator.ts'
export * from './ops/index.ts'
export {
  expertStacks,
  optimize,
  type QuantisedVariables,
  quantisableVariables,
  quantiseProducts,
  type StackPlace,
  type StockForm,
  type StoredMatrix,
  stockNames,
} from './passes/index.ts'
export { hash32, randomNormal, randomUniform, randomWord, streamKey } from './random.ts'
export type { Shape, TensorType } from './shape.ts'
export { assign, input, isTensor, type Trace, type TracedTree, trace } from './trace.ts'
export { flatten, mapTree, type Tree } from './tree.ts'
export { given, type Initializer, initializerOf, normal, ones, uniform, variable, zeros } from './variable.ts'
