import type { EmbeddingModelV4, EmbeddingModelV4CallOptions, EmbeddingModelV4Result } from '@ai-sdk/provider'
import type { Transport } from './transport.ts'

/** A model of a server that makes vectors, as the AI SDK asks it. */
export class ServedEmbeddingModel implements EmbeddingModelV4 {
  readonly specificationVersion = 'v4'
  readonly provider = 'deepseek-r1'
  readonly modelId: string
  readonly maxEmbeddingsPerCall = 32
  readonly supportsParallelCalls = true
  private readonly transport: Transport

  constructor(modelId: string, transport: Transport) {
    this.modelId = modelId
    this.transport = transport
  }

  async doEmbed({ values, dimensions, ...sending }: EmbeddingModelV4CallOptions): Promise<EmbeddingModelV4Result> {
    const model = this.modelId === '' ? undefined : this.modelId
    const response = await this.transport.post('/embeddings', { model, input: values, dimensions }, sending)
    const { data, usage } = (await response.json()) as {
      data: { embedding: number[] }[]
      usage: { prompt_tokens: number }
    }
    return {
      embeddings: data.map(({ embedding }) => embedding),
      usage: { tokens: usage.prompt_tokens },
      response: { headers: Object.fromEntries(response.headers) },
      warnings: [],
    }
  }
}
