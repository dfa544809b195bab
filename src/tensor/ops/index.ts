export { type GeluForm, geglu, gelu, silu, swiglu } from './activation.ts'
export { appendRows, type StepRows, type StepSpan, slotRows, stepSpan, withSlotRows } from './append-rows.ts'
export { type AttentionOptions, attention } from './attention.ts'
export {
  type CachedAttention,
  type CachedAttentionOptions,
  cachedAttention,
  keyBufferShape,
  placeBlock,
  scaleBufferShape,
  valueBufferShape,
} from './attention-cached.ts'
export { type CachedLatentAttention, type CachedLatentOptions, cachedLatentAttention } from './attention-latent.ts'
export * from './bitwise.ts'
export * from './bounded.ts'
export { constant, dimensionValue, fill, type TensorLike, zerosLike } from './constant.ts'
export {
  type ConvolutionOptions,
  convolution,
  type TransposedConvolutionOptions,
  transposedConvolution,
} from './convolution.ts'
export { type CumulativeOptions, cumulativeProduct, cumulativeSum } from './cumulative.ts'
export { barrier, checkpoint, custom, stopGradient, type VectorJacobianProduct } from './custom.ts'
export { drawSettings, drawToken } from './draw-token.ts'
export { einsum } from './einsum.ts'
export * from './elementwise.ts'
export { type ExpertOrder, expertDispatch } from './expert-dispatch.ts'
export { expm1, log1p } from './exponential.ts'
export { groupNorm, variance } from './group-norm.ts'
export { type LogitSummary, logitSummary } from './head.ts'
export * from './indexing.ts'
export { all, any } from './logical-reduction.ts'
export { linearCrossEntropy, type TokenLosses } from './loss.ts'
export { type MatmulOptions, matmul } from './matmul.ts'
export { type CodedMatrix, type CodeFormat, codedTypes, decodeMatrix, matmulCoded } from './matmul-coded.ts'
export { groupedMatmul } from './matmul-grouped.ts'
export { type LoraAdapter, matmulLora } from './matmul-lora.ts'
export {
  gatherQuantised,
  type MatmulQuantisedOptions,
  matmulQuantised,
  type ProductPhase,
  type QuantisedWeight,
} from './matmul-quantised.ts'
export { groupedMatmulQuantised, type QuantisedStack } from './matmul-quantised-grouped.ts'
export {
  type CodeBits,
  decodeStock,
  gatherStockQuantised,
  matmulStockQuantised,
  type StockMatrix,
  stockBlock,
} from './matmul-stock-quantised.ts'
export { layerNorm, rmsNorm } from './norm.ts'
export { type AdamWSlot, adamW, type SgdSlot, sgd } from './optimizer.ts'
export { pad } from './pad.ts'
export { averagePool, maxPool, type PoolingOptions } from './pooling.ts'
export {
  dequantise,
  fitsBlocks,
  type QuantisedShape,
  type QuantisedType,
  quantisedBytes,
  quantisedTypes,
} from './quantised-layout.ts'
export * from './random.ts'
export { logSumExp, max, mean, min, product, type ReductionOptions, sum } from './reduction.ts'
export { repeat, squeeze, stack, tile } from './repeat.ts'
export { type RopeOptions, rope } from './rope.ts'
export { gatherND, scatterElements, scatterND, scatterRows } from './scatter.ts'
export { broadcastTo, concat, expandDimension, reshape, split, transpose } from './shape.ts'
export { flip, type SliceRange, slice } from './slice.ts'
export { logSoftmax, softmax } from './softmax.ts'
export {
  type ArgExtremumOptions,
  argMax,
  argMin,
  argSort,
  type SortOptions,
  sort,
  type TopKOptions,
  topK,
} from './sort.ts'
export { lowerTriangle, upperTriangle } from './triangle.ts'
export type { WindowOptions } from './windows.ts'
