export { type Activation, activate } from './activation.ts'
export {
  type AttentionContext,
  attend,
  type SelfAttentionOptions,
  selfAttention,
  type Visibility,
} from './attention.ts'
export {
  bufferShape,
  type Cache,
  type CacheEntry,
  CacheStep,
  type LayerBuffers,
  type LayerCache,
  type LayerLayout,
  placesFor,
  placesOf,
} from './cache.ts'
export { embedding, embeddingTable } from './embedding.ts'
export { type FeedForwardOptions, gatedFeedForward } from './feed-forward.ts'
export { type Head, logitsOf } from './head.ts'
export { type LatentAttentionOptions, latentAttention } from './latent-attention.ts'
export { type LinearOptions, linear, linearMatrix } from './linear.ts'
export { crossEntropy, tokenLogProbabilities } from './loss.ts'
export { mixture } from './moe/mixture.ts'
export {
  biasedSigmoidRouting,
  type GroupLimit,
  type Routing,
  type RoutingOptions,
  softmaxRouting,
} from './moe/routing.ts'
export { centeredRmsNorm, layerNorm, rmsNorm } from './norm.ts'
export { meanPool, normalise } from './pooling.ts'
export { type RotaryTables, rotaryFrequencies, rotaryTables } from './rotary.ts'
export {
  type DynamicScaling,
  dynamicRotaryTables,
  type Llama3Scaling,
  llama3Frequencies,
  type YarnScaling,
  yarnFrequencies,
  yarnScale,
} from './rotary-scaling.ts'
export { type AdapterOptions, codedNames, type Parameter, Scope, type ScopeOptions } from './scope.ts'
