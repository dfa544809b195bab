import { type EmbeddingModelV4, type LanguageModelV4, NoSuchModelError, type ProviderV4 } from '@ai-sdk/provider'
import { ServedEmbeddingModel } from './embedding-model.ts'
import { ServedLanguageModel } from './language-model.ts'
import { Transport } from './transport.ts'

export interface DeepSeekR1ProviderSettings {
  /** Where `r1 serve` listens, with `/v1`; `R1_BASE_URL` or `http://127.0.0.1:8000/v1` without it. */
  readonly baseURL?: string
  /** A key of `r1 keys`; `R1_API_KEY` without it. None is needed where the server asks for none. */
  readonly apiKey?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fetch?: typeof fetch
}

/** Models of a server, for the AI SDK. */
export interface DeepSeekR1Provider extends ProviderV4 {
  /** The model of a name; the server's default one without it. */
  (modelId?: string): LanguageModelV4
  languageModel(modelId?: string): LanguageModelV4
  embeddingModel(modelId?: string): EmbeddingModelV4
}

/**
 * Makes a provider for the AI SDK (specification v4).
 *
 * @example
 * const r1 = createDeepSeekR1({ baseURL: 'http://127.0.0.1:8000/v1' })
 * const { text, reasoningText } = await generateText({ model: r1('r1-nano'), prompt: 'How many r are in strawberry?' })
 */
export function createDeepSeekR1(settings: DeepSeekR1ProviderSettings = {}): DeepSeekR1Provider {
  const transport = new Transport(settings)
  const languageModel = (modelId = '') => new ServedLanguageModel(modelId, transport)
  const others = {
    specificationVersion: 'v4',
    languageModel,
    embeddingModel: (modelId = '') => new ServedEmbeddingModel(modelId, transport),
    imageModel: (modelId: string): never => {
      throw new NoSuchModelError({ modelId, modelType: 'imageModel' })
    },
  } as const
  return Object.assign((modelId?: string) => languageModel(modelId), others)
}

/** The provider of a server on this machine. */
export const deepseekR1: DeepSeekR1Provider = createDeepSeekR1()
