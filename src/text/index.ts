export { extractBoxed } from './answer/boxed.ts'
export { type AnswerSource, type ExtractedAnswer, extractAnswer, extractHashes } from './answer/extract-answer.ts'
export { extractLastNumber, type FoundNumber, parseNumber } from './answer/number.ts'
export {
  opensReasoning,
  type ReasoningEvent,
  ReasoningParser,
  type ReasoningParserOptions,
  type ReasoningTags,
  thinkTags,
} from './reasoning/reasoning-parser.ts'
export {
  ChatTemplate,
  type ChatTemplateInput,
  type ChatTemplateMessage,
  type ChatTemplateOptions,
  type RenderedPrompt,
} from './template/chat-template.ts'
export { patientRenderLimits, type RenderLimits, RenderPool } from './template/render-pool.ts'
export { type ChatTemplateSources, chooseChatTemplate } from './template/source.ts'
export { tokenizerFromJson } from './tokenizer/from-json.ts'
export { tokenizerFromGguf } from './tokenizer/gguf/from-gguf.ts'
export type { GgufMetadata } from './tokenizer/gguf/vocabulary.ts'
export { loadTokenizer } from './tokenizer/load.ts'
export type {
  DecodeOptions,
  EncodeOptions,
  SpecialTokenIds,
  SpecialTokenReading,
  StreamDecoder,
  Tokenizer,
  TokenSpelling,
} from './tokenizer/tokenizer.ts'
export { defaultPattern } from './tokenizer/train/default-pattern.ts'
export { saveTokenizer, type TokenRoles } from './tokenizer/train/save.ts'
export { type TokenizerJson, type TrainBpeOptions, trainBpe } from './tokenizer/train/train-bpe.ts'
