/** Evaluation: metrics, and tasks that measure a model with them. */

export { type Card, cardPage, readCard } from './card.ts'
export * from './metrics/index.ts'
export { measurePerplexity, type PerplexityOptions, type PerplexityResult } from './perplexity.ts'
export { type SelfVerified, type SelfVerifyOptions, selfVerify, type VerifiedText } from './self-verify.ts'
export * from './tasks/index.ts'
