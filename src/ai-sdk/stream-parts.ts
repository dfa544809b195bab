import { APICallError, type LanguageModelV4StreamPart, type SharedV4Warning } from '@ai-sdk/provider'
import { finishReasonOf, usageOf, type WireUsage } from './answer.ts'

/** A chunk of a streamed answer. */
interface WireChunk {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly error?: { readonly message: string }
  readonly choices?: readonly {
    readonly delta: {
      readonly content?: string | null
      readonly reasoning_content?: string
      readonly reasoning?: string
      readonly tool_calls?: readonly {
        readonly index: number
        readonly id?: string
        readonly function: { readonly name?: string; readonly arguments?: string }
      }[]
    }
    readonly finish_reason: string | null
  }[]
  readonly usage?: WireUsage | null
}

/** Data fields of a stream of server-sent events. */
async function* dataOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let held = ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      held += decoder.decode(value, { stream: true })
      const lines = held.split('\n')
      held = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data: ')) yield line.slice('data: '.length)
    }
  } finally {
    // Whoever stops reading lets the server stop writing.
    await reader.cancel().catch(() => undefined)
  }
}

/** A call of a tool on its way. */
interface OpenCall {
  readonly id: string
  readonly name: string
  input: string
}

/** Turns chunks into the parts of the AI SDK. */
class PartWriter {
  private readonly raw: boolean
  /** The text or thought that is under way. */
  private open: { readonly kind: 'text' | 'reasoning'; readonly id: string } | undefined
  private readonly calls = new Map<number, OpenCall>()
  private blocks = 0
  private hasMetadata = false
  private finishReason: string | undefined
  private usage: WireUsage | undefined

  constructor(raw: boolean) {
    this.raw = raw
  }

  *take(chunk: WireChunk): Generator<LanguageModelV4StreamPart> {
    if (this.raw) yield { type: 'raw', rawValue: chunk }
    if (!this.hasMetadata) {
      this.hasMetadata = true
      const { id, created, model: modelId } = chunk
      yield { type: 'response-metadata', id, modelId, timestamp: new Date(created * 1000) }
    }
    if (chunk.usage) this.usage = chunk.usage
    const [choice] = chunk.choices ?? []
    if (!choice) return
    const { delta } = choice
    const thought = delta.reasoning_content ?? delta.reasoning
    if (thought) yield* this.write('reasoning', thought)
    if (delta.content) yield* this.write('text', delta.content)
    for (const { index, id, function: part } of delta.tool_calls ?? []) yield* this.call(index, id, part)
    if (choice.finish_reason) this.finishReason = choice.finish_reason
  }

  *end(): Generator<LanguageModelV4StreamPart> {
    yield* this.close()
    for (const { id, name, input } of this.calls.values()) {
      yield { type: 'tool-input-end', id }
      yield { type: 'tool-call', toolCallId: id, toolName: name, input }
    }
    yield { type: 'finish', finishReason: finishReasonOf(this.finishReason), usage: usageOf(this.usage) }
  }

  private *write(kind: 'text' | 'reasoning', delta: string): Generator<LanguageModelV4StreamPart> {
    if (this.open?.kind !== kind) {
      yield* this.close()
      this.open = { kind, id: String(this.blocks++) }
      yield { type: `${kind}-start`, id: this.open.id }
    }
    yield { type: `${kind}-delta`, id: this.open.id, delta }
  }

  private *call(
    index: number,
    id: string | undefined,
    { name, arguments: delta = '' }: { readonly name?: string; readonly arguments?: string },
  ): Generator<LanguageModelV4StreamPart> {
    let call = this.calls.get(index)
    if (!call && id !== undefined && name !== undefined) {
      yield* this.close()
      call = { id, name, input: '' }
      this.calls.set(index, call)
      yield { type: 'tool-input-start', id, toolName: name }
    }
    if (!call || delta === '') return
    call.input += delta
    yield { type: 'tool-input-delta', id: call.id, delta }
  }

  private *close(): Generator<LanguageModelV4StreamPart> {
    if (this.open) yield { type: `${this.open.kind}-end`, id: this.open.id }
    this.open = undefined
  }
}

/** The parts of a streamed answer. */
export function streamOf(
  response: Response,
  { url, body, warnings, raw }: { url: string; body: object; warnings: SharedV4Warning[]; raw: boolean },
): ReadableStream<LanguageModelV4StreamPart> {
  async function* parts(): AsyncGenerator<LanguageModelV4StreamPart> {
    yield { type: 'stream-start', warnings }
    const writer = new PartWriter(raw)
    for await (const data of dataOf(response.body as ReadableStream<Uint8Array>)) {
      if (data === '[DONE]') break
      const chunk = JSON.parse(data) as WireChunk
      if (chunk.error) {
        const { message } = chunk.error
        yield { type: 'error', error: new APICallError({ message, url, requestBodyValues: body, data: chunk }) }
        yield { type: 'finish', finishReason: { unified: 'error', raw: undefined }, usage: usageOf(undefined) }
        return
      }
      yield* writer.take(chunk)
    }
    yield* writer.end()
  }
  const iterator = parts()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await iterator.return(undefined)
    },
  })
}
