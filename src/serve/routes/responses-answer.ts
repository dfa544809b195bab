import type { TextUsage } from '../../generate/index.ts'
import type { ChatEvent } from '../chat/events.ts'
import type { StreamMessage } from '../http/sse.ts'
import type { TextEvent } from './answer-texts.ts'
import { identifier, logprobsOf, secondsNow } from './chat-answer.ts'
import type { ResponsesBody } from './responses-schema.ts'

type Part = { type: 'output_text' | 'reasoning_text'; text: string; annotations?: []; logprobs?: object[] }

/** An item of the output, as far as it has come. */
type Item =
  | { type: 'reasoning'; id: string; summary: []; content: Part[]; status: string }
  | { type: 'message'; id: string; role: 'assistant'; content: Part[]; status: string }
  | { type: 'function_call'; id: string; call_id: string; name: string; arguments: string; status: string }

function usageOf(usage: TextUsage | undefined) {
  if (!usage) return null
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens },
    output_tokens: usage.newTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.newTokens,
  }
}

/** Builds a response from the events of a text, and tells what each of them adds. */
class ResponseBuilder {
  private readonly body: ResponsesBody
  private readonly output: Item[] = []
  private readonly id = identifier('resp')
  private readonly created = secondsNow()
  private model = ''
  private finish: Extract<ChatEvent, { type: 'finish' }> | undefined
  private number = 0

  constructor(body: ResponsesBody) {
    this.body = body
  }

  /** The response as it stands. */
  get response() {
    const { body, finish } = this
    const status = finish === undefined ? 'in_progress' : finish.finishReason === 'length' ? 'incomplete' : 'completed'
    return {
      id: this.id,
      object: 'response',
      created_at: this.created,
      status,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      instructions: body.instructions ?? null,
      max_output_tokens: body.max_output_tokens ?? null,
      model: this.model,
      output: this.output,
      parallel_tool_calls: body.parallel_tool_calls ?? true,
      previous_response_id: null,
      reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
      store: false,
      temperature: body.temperature ?? null,
      text: { format: body.text?.format ?? { type: 'text' } },
      tool_choice: body.tool_choice ?? 'auto',
      tools: body.tools ?? [],
      top_p: body.top_p ?? null,
      truncation: 'disabled',
      usage: usageOf(finish?.usage),
      user: body.user ?? null,
      metadata: body.metadata ?? {},
    }
  }

  /** Takes an event in. @returns the messages that tell of it */
  *take(event: ChatEvent): Generator<StreamMessage> {
    switch (event.type) {
      case 'start':
        this.model = event.model
        yield this.message('response.created', { response: this.response })
        yield this.message('response.in_progress', { response: this.response })
        break
      case 'reasoning-delta':
        yield* this.delta('reasoning', event)
        break
      case 'text-delta':
        if (event.text !== '') yield* this.delta('message', event)
        break
      case 'tool-call-start': {
        yield* this.close()
        const { id: call_id, name } = event
        const item = {
          type: 'function_call',
          id: identifier('fc'),
          call_id,
          name,
          arguments: '',
          status: 'in_progress',
        } as const
        yield* this.open({ ...item })
        break
      }
      case 'tool-call-delta': {
        const item = this.output.at(-1)
        if (item?.type !== 'function_call') break
        item.arguments += event.arguments
        yield this.message('response.function_call_arguments.delta', { ...this.place(item), delta: event.arguments })
        break
      }
      case 'finish':
        this.finish = event
        yield* this.close()
        yield this.message(event.finishReason === 'length' ? 'response.incomplete' : 'response.completed', {
          response: this.response,
        })
    }
  }

  private *delta(
    type: 'reasoning' | 'message',
    { text, tokens }: Extract<ChatEvent, { type: 'text-delta' | 'reasoning-delta' }>,
  ): Generator<StreamMessage> {
    let item = this.output.at(-1)
    if (item?.type !== type || item.status !== 'in_progress') {
      yield* this.close()
      const part: Part =
        type === 'reasoning'
          ? { type: 'reasoning_text', text: '' }
          : { type: 'output_text', text: '', annotations: [], logprobs: [] }
      item =
        type === 'reasoning'
          ? { type, id: identifier('rs'), summary: [], content: [], status: 'in_progress' }
          : { type, id: identifier('msg'), role: 'assistant', content: [], status: 'in_progress' }
      yield* this.open(item)
      item.content.push(part)
      yield this.message('response.content_part.added', { ...this.place(item), content_index: 0, part })
    }
    const [part] = item.content
    if (!part) return
    part.text += text
    const logprobs = logprobsOf(tokens ?? []).content
    part.logprobs?.push(...logprobs)
    yield this.message(type === 'reasoning' ? 'response.reasoning_text.delta' : 'response.output_text.delta', {
      ...this.place(item),
      content_index: 0,
      delta: text,
      ...(type === 'message' && { logprobs }),
    })
  }

  private *open(item: Item): Generator<StreamMessage> {
    this.output.push(item)
    yield this.message('response.output_item.added', { output_index: this.output.length - 1, item })
  }

  /** Ends the item that is under way. */
  private *close(): Generator<StreamMessage> {
    const item = this.output.at(-1)
    if (item?.status !== 'in_progress') return
    item.status = this.finish?.finishReason === 'length' ? 'incomplete' : 'completed'
    const place = this.place(item)
    if (item.type === 'function_call') {
      const done = { ...place, name: item.name, arguments: item.arguments }
      yield this.message('response.function_call_arguments.done', done)
    } else {
      const [part] = item.content
      const text = part?.text ?? ''
      const kind = item.type === 'reasoning' ? 'response.reasoning_text.done' : 'response.output_text.done'
      yield this.message(kind, { ...place, content_index: 0, text, ...(part?.logprobs && { logprobs: part.logprobs }) })
      yield this.message('response.content_part.done', { ...place, content_index: 0, part })
    }
    yield this.message('response.output_item.done', { output_index: place.output_index, item })
  }

  private place(item: Item) {
    return { item_id: item.id, output_index: this.output.indexOf(item) }
  }

  private message(type: string, fields: object): StreamMessage {
    return { event: type, data: JSON.stringify({ type, sequence_number: this.number++, ...fields }) }
  }
}

/** Messages of a streamed response. */
export async function* responseEvents(
  texts: AsyncIterable<TextEvent>,
  body: ResponsesBody,
): AsyncGenerator<StreamMessage> {
  const builder = new ResponseBuilder(body)
  for await (const { event } of texts) yield* builder.take(event)
}

/** The response as one object. */
export async function wholeResponse(texts: AsyncIterable<TextEvent>, body: ResponsesBody): Promise<object> {
  const builder = new ResponseBuilder(body)
  for await (const { event } of texts) {
    // The same steps as in a stream; only their messages are nobody's.
    for (const _ of builder.take(event));
  }
  return builder.response
}
