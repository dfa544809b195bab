export { createDeepSeekR1, type DeepSeekR1Provider, type DeepSeekR1ProviderSettings, deepseekR1 } from './provider.ts'
