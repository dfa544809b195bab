export { addAdapter } from './adapter.ts'
export { bindModel } from './bind.ts'
export { type CacheArrays, emptyCache } from './cache.ts'
export { decodedWeight, encodeWeights } from './coded-weights.ts'
export { modelOf, modelTypes } from './families.ts'
export { type LoadedModel, type LoadOptions, loadModel } from './load.ts'
export { type LoadQuantisedOptions, loadQuantised, type QuantisedModel } from './load-quantised.ts'
export type {
  Family,
  ForwardOptions,
  LayerLayout,
  Model,
  ModelInputs,
  ModelOutput,
  ModelSizes,
} from './model.ts'
export { type R1Preset, r1Config, r1Model } from './r1.ts'
export { type SaveOptions, saveModel } from './save.ts'
export { scoredModel, scoreWeight } from './scored.ts'
export { type WeightPrecision, weightPrecisions } from './weight-precision.ts'
