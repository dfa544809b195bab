import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamResult,
} from '@ai-sdk/provider'
import { contentOf, finishReasonOf, usageOf, type WireAnswer } from './answer.ts'
import { requestOf } from './request.ts'
import { streamOf } from './stream-parts.ts'
import type { Transport } from './transport.ts'

/** A model of a server, as the AI SDK asks it. */
export class ServedLanguageModel implements LanguageModelV4 {
  readonly specificationVersion = 'v4'
  readonly provider = 'deepseek-r1'
  readonly modelId: string
  /** The server fetches nothing. */
  readonly supportedUrls = {}
  private readonly transport: Transport

  constructor(modelId: string, transport: Transport) {
    this.modelId = modelId
    this.transport = transport
  }

  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    const { body, warnings } = requestOf(this.modelId, options)
    const response = await this.transport.post('/chat/completions', body, options)
    const answer = (await response.json()) as WireAnswer
    return {
      content: contentOf(answer),
      finishReason: finishReasonOf(answer.choices[0].finish_reason),
      usage: usageOf(answer.usage),
      warnings,
      request: { body },
      response: {
        id: answer.id,
        modelId: answer.model,
        timestamp: new Date(answer.created * 1000),
        headers: Object.fromEntries(response.headers),
        body: answer,
      },
    }
  }

  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    const { body: asked, warnings } = requestOf(this.modelId, options)
    const body = { ...asked, stream: true, stream_options: { include_usage: true } }
    const response = await this.transport.post('/chat/completions', body, options)
    return {
      stream: streamOf(response, { url: response.url, body, warnings, raw: options.includeRawChunks ?? false }),
      request: { body },
      response: { headers: Object.fromEntries(response.headers) },
    }
  }
}
