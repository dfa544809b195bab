import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { R1Error } from '../../errors.ts'
import type { Conversation, Message } from '../../store/index.ts'
import type { ChatEvent, ChatRequest } from '../chat/events.ts'
import { streamChat } from '../chat/stream-chat.ts'
import type { Caller, ServeApp, ServeContext, ServeEnv } from '../context.ts'
import { failureOf } from '../http/failure.ts'
import { eventStream } from '../http/sse.ts'
import { ReplyRecord, shownToken } from './reply-record.ts'
import { body, events } from './route.ts'
import { identifier, type ReplyBody, replySchema, samplingSchema, shownMessage } from './schemas.ts'

const reply = createRoute({
  method: 'post',
  path: '/api/conversations/{id}/replies',
  summary: 'Answer a message; the answer is stored as it ends',
  description:
    'Events are JSON: `start`, `reasoning-delta`, `text-delta`, `finish` with the stored message, or `error`. Closing the ' +
    'request stops the engine; what was written so far is stored with the finish reason `stopped`. The id of a reply that ' +
    'is stored already gives that reply.',
  tags: ['Console'],
  request: { params: z.object({ id: identifier }), body: body(replySchema) },
  responses: events('The answer as it is written.'),
})

/** How many of the most likely tokens are told at each place, where probabilities are asked for. */
const alternatives = 5

/** `/api/conversations/{id}/replies`. */
export function replyRoutes(app: ServeApp, context: ServeContext): void {
  const { store, limits, config } = context
  const underWay = new Set<string>()
  app.openapi(reply, async (c) => {
    const { caller, key } = c.var
    const wanted = c.req.valid('json')
    const conversation = await store.conversations.get(caller.user, c.req.valid('param').id)
    const known = await store.messages.get(caller.user, wanted.id)
    if (known) return stream(c, context, new AbortController(), again(sameReply(known, conversation.id, wanted)))
    const path = await store.messages.path(caller.user, conversation.id, wanted.parent)
    if (key) {
      limits.enter(key.id, {
        requestsPerMinute: key.requestsPerMinute ?? config.requestsPerMinute,
        tokensPerMinute: key.tokensPerMinute ?? config.tokensPerMinute,
      })
    }
    const name = `${caller.user} ${wanted.id}`
    if (underWay.has(name)) throw new R1Error('conflict', 'This reply is being written.', { remedy: 'Wait for it.' })
    underWay.add(name)
    const controller = new AbortController()
    const release = followClient(c.req.raw.signal, controller, () => underWay.delete(name))
    const request = requestOf(conversation, path, wanted)
    try {
      const options = { signal: controller.signal, caller, arrivedAt: c.var.arrivedAt }
      const answer = streamChat(context, request, options)
      // What is wrong with the request is known before the first byte is sent.
      const first = await answer.next()
      return stream(
        c,
        context,
        controller,
        write(context, caller, conversation, wanted, request, first, answer),
        release,
      )
    } catch (error) {
      // Who leaves before the first word finds an answer that says it was stopped.
      if (controller.signal.aborted) {
        const message = new ReplyRecord().message(aboutOf(wanted, request, request.model ?? null), 'stopped')
        await keep(context, () => store.messages.add(caller.user, conversation.id, message))
      }
      release()
      throw error
    }
  })
}

/** What is stored of a reply besides what was written. */
function aboutOf({ id, parent }: ReplyBody, { sampling, maxNewTokens }: ChatRequest, model: string | null) {
  const drawn = Object.entries({ ...sampling, maxTokens: maxNewTokens }).filter(([, value]) => value !== undefined)
  return { id, parent, model, sampling: Object.fromEntries(drawn) as Record<string, number> }
}

/** Stores something that nobody waits for: a conversation that was removed meanwhile keeps nothing, else the log tells. */
async function keep({ log }: ServeContext, store: () => Promise<unknown>): Promise<void> {
  await store().catch((error: unknown) => {
    if (!R1Error.isInstance(error, 'not-found')) log.warn({ err: error }, 'a reply could not be stored')
  })
}

/** Stops the work when the client goes. @returns what to call when it is over */
function followClient(gone: AbortSignal, controller: AbortController, over: () => void): () => void {
  const stop = () => controller.abort(gone.reason)
  if (gone.aborted) stop()
  gone.addEventListener('abort', stop, { once: true })
  return () => {
    gone.removeEventListener('abort', stop)
    over()
  }
}

function requestOf(conversation: Conversation, path: readonly Message[], wanted: ReplyBody): ChatRequest {
  // A conversation was stored as another version of this program allowed it.
  const kept = samplingSchema.safeParse(conversation.sampling ?? {})
  const { maxTokens, ...sampling } = wanted.sampling ?? (kept.success ? kept.data : {})
  const system = conversation.system ? [{ role: 'system', content: conversation.system }] : []
  return {
    model: wanted.model ?? conversation.model ?? undefined,
    messages: [...system, ...path.map(chatMessage)],
    sampling,
    maxNewTokens: maxTokens,
    ...(wanted.probabilities && { probabilities: alternatives }),
  }
}

const chatMessage = ({ role, content, reasoning }: Message) => ({
  role,
  content,
  ...(reasoning && { reasoning_content: reasoning }),
})

/** The events of a reply; it is stored however it ends. */
async function* write(
  context: ServeContext,
  { user }: Caller,
  conversation: Conversation,
  wanted: ReplyBody,
  request: ChatRequest,
  first: IteratorResult<ChatEvent>,
  answer: AsyncGenerator<ChatEvent>,
): AsyncGenerator<string, void, void> {
  const record = new ReplyRecord()
  const model = !first.done && first.value.type === 'start' ? first.value.model : null
  const about = aboutOf(wanted, request, model)
  let stored: Message | undefined
  const save = async (cutOff: 'stopped' | 'error') => {
    stored ??= await context.store.messages.add(user, conversation.id, record.message(about, cutOff))
    return stored
  }
  let failed = false
  try {
    yield JSON.stringify({ type: 'start', id: wanted.id, model })
    for await (const event of answer) {
      record.add(event)
      if (event.type === 'reasoning-delta' || event.type === 'text-delta') {
        const tokens = event.tokens?.map(shownToken)
        yield JSON.stringify({ type: event.type, text: event.text, ...(tokens && { tokens }) })
      }
    }
    const message = await save('stopped')
    yield finishOf(message)
  } catch (error) {
    failed = !R1Error.isInstance(error, 'aborted')
    throw error
  } finally {
    await answer.return(undefined)
    if (!stored) await keep(context, () => save(failed ? 'error' : 'stopped'))
  }
}

const finishOf = (message: Message): string =>
  JSON.stringify({
    type: 'finish',
    finishReason: message.finishReason,
    usage: message.usage,
    message: shownMessage(message),
  })

/** @throws R1Error `conflict` where the id is that of something else */
function sameReply(message: Message, conversation: string, { parent }: ReplyBody): Message {
  const isSame = message.conversation === conversation && message.parent === parent.toLowerCase()
  if (isSame && message.role === 'assistant') return message
  throw new R1Error('conflict', 'There is another message of this id.', { remedy: 'Take another id.' })
}

/** The events of a reply that is stored: the client asks again, since it did not see how it ended. */
async function* again(message: Message): AsyncGenerator<string, void, void> {
  yield JSON.stringify({ type: 'start', id: message.id, model: message.model })
  if (message.reasoning) yield JSON.stringify({ type: 'reasoning-delta', text: message.reasoning })
  if (message.content) yield JSON.stringify({ type: 'text-delta', text: message.content })
  yield finishOf(message)
}

function stream(
  c: Context<ServeEnv>,
  { config, log }: ServeContext,
  controller: AbortController,
  source: AsyncIterable<string>,
  onEnd?: () => void,
): Response {
  return eventStream(source, (reason) => controller.abort(reason), {
    keepAliveMs: config.keepAliveSeconds * 1000,
    stallMs: config.stallSeconds * 1000,
    ...(onEnd && { onEnd }),
    onError(error) {
      const { body: answer, status } = failureOf(error)
      if (status >= 500) log.error({ err: error, requestId: c.var.requestId }, 'a reply broke off')
      return JSON.stringify({ type: 'error', error: answer.error })
    },
  })
}
