/** Metrics: how good predictions are, and how sure one can be of it. */
export { exactMatch, normalizeAnswer, tokenF1 } from './answers.ts'
export { type BleuScore, type BleuStatistics, bleu, bleuOf, bleuStatistics } from './bleu.ts'
export { type BleuTokenizer, bleuTokens } from './bleu-tokens.ts'
export { type BootstrapOptions, bootstrap, bootstrapMean, type Interval } from './bootstrap.ts'
export { type ClassificationScore, type ClassScore, classification } from './classification.ts'
export { bitsPerByte, perplexity } from './likelihood.ts'
export { type RougeScore, type RougeScores, rouge, rougeTokens, rougeTokensChinese } from './rouge.ts'
export { type MajorityOptions, majorityAtK, passAtK, type Scored, type Vote, verifierBestAtK } from './samples.ts'
