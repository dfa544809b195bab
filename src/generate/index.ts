export { type Beam, type BeamOptions, beamSearch } from './beam.ts'
export { Conversation, type ConversationOptions } from './conversation.ts'
export { DeepSeekR1, type EmbedOptions, type PretrainedOptions } from './deepseek-r1.ts'
export { cutTokens, Embedder, type EmbeddingFormat } from './embed.ts'
export { type CacheType, Engine, type EngineOptions } from './engine.ts'
export { type EngineLike, isRetryable } from './engine-like.ts'
export { Generator, type GeneratorOptions, type TextOptions } from './generator.ts'
export type { FinishReason, Guide } from './guide.ts'
export type { ModelSource } from './lazy-model.ts'
export {
  type Answer,
  type AnswerOptions,
  QASystem,
  type QASystemOptions,
  type Retrieve,
  type Source,
} from './qa-system.ts'
export type { Finish, GeneratedToken, TokenRequest, Usage } from './request.ts'
export type { SamplingOptions } from './sampling/options.ts'
export type { ScoredToken } from './sampling/scored-token.ts'
export { type Perplexity, Scorer } from './score.ts'
export type { EngineStatistics } from './statistics.ts'
export { type SummarizeOptions, Summarizer } from './summarizer.ts'
export type {
  Choice,
  GenerateOptions,
  Generation,
  GenerationEvent,
  Message,
  Prompt,
  TextUsage,
} from './text/options.ts'
export {
  type LoadTextOptions,
  loadTextFormat,
  loadTextModel,
  type TextFormat,
  type TextModel,
} from './text/text-model.ts'
export type { TokenStream } from './token-stream.ts'
export { EngineWorker, type EngineWorkerOptions } from './worker/engine-worker.ts'
export type { WorkerFacts } from './worker/messages.ts'
