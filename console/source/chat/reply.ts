import { batch, type Signal, signal } from '@preact/signals'
import { events, pathOf } from '../api/client.ts'
import { type Problem, problemOf } from '../api/problem.ts'
import type { Message, ReplyEvent, Sampling, Token } from '../api/types.ts'

export type ReplyState = 'waiting' | 'thinking' | 'writing'

/** An answer while it is written. */
export interface LiveReply {
  readonly conversation: string
  readonly id: string
  readonly state: Signal<ReplyState>
  readonly reasoning: Signal<string>
  readonly content: Signal<string>
  /** How long it thought, once it has; in milliseconds. */
  readonly thought: Signal<number | undefined>
  stop(): void
}

export interface ReplyRequest {
  readonly conversation: string
  readonly id: string
  readonly parent: string
  readonly model: string
  readonly sampling: Sampling
  readonly probabilities: boolean
}

/** What became of an answer. */
export interface ReplyResult {
  readonly message: Message
  /** Why it broke off. */
  readonly problem?: Problem
}

/**
 * Asks for an answer and writes it into signals, at most once for each frame of the screen.
 *
 * @returns the answer being written, and its end, which never rejects
 */
export function startReply(request: ReplyRequest): { reply: LiveReply; end: Promise<ReplyResult> } {
  const controller = new AbortController()
  const reply: LiveReply = {
    conversation: request.conversation,
    id: request.id,
    state: signal<ReplyState>('waiting'),
    reasoning: signal(''),
    content: signal(''),
    thought: signal<number | undefined>(undefined),
    stop: () => controller.abort(),
  }
  return { reply, end: readReply(request, reply, controller.signal) }
}

async function readReply(request: ReplyRequest, reply: LiveReply, signal: AbortSignal): Promise<ReplyResult> {
  const { conversation, ...body } = request
  let reasoning = ''
  let content = ''
  const tokens: { reasoning: Token[]; text: Token[] } = { reasoning: [], text: [] }
  let thinkingSince: number | undefined
  let thought: number | undefined
  let frame: ReturnType<typeof setTimeout> | undefined
  const show = () => {
    clearTimeout(frame)
    frame = undefined
    batch(() => {
      reply.reasoning.value = reasoning
      reply.content.value = content
      reply.thought.value = thought
      reply.state.value = content !== '' ? 'writing' : thinkingSince !== undefined ? 'thinking' : 'waiting'
    })
  }
  const writtenSoFar = (finishReason: string): Message => ({
    id: request.id,
    parent: request.parent,
    role: 'assistant',
    content,
    reasoning,
    model: request.model,
    sampling: request.sampling,
    finishReason,
    createdAt: new Date().toISOString(),
    ...(thought === undefined ? {} : { reasoningMilliseconds: thought }),
    ...(request.probabilities ? { tokens } : {}),
  })
  const endThinking = () => {
    if (thinkingSince !== undefined) thought ??= performance.now() - thinkingSince
  }
  try {
    const path = pathOf(['conversations', conversation, 'replies'])
    for await (const event of events<ReplyEvent>(path, { method: 'POST', body, signal })) {
      if (event.type === 'reasoning-delta') {
        thinkingSince ??= performance.now()
        reasoning += event.text
        tokens.reasoning.push(...(event.tokens ?? []))
      } else if (event.type === 'text-delta') {
        endThinking()
        content += event.text
        tokens.text.push(...(event.tokens ?? []))
      } else if (event.type === 'finish') {
        endThinking()
        const own = writtenSoFar(event.finishReason)
        return { message: { ...own, ...(event.usage ? { usage: event.usage } : {}), ...present(event.message) } }
      } else if (event.type === 'error') {
        endThinking()
        const { message, code } = event.error
        return { message: writtenSoFar('error'), problem: { message, status: 200, ...(code && { code }) } }
      }
      // A background tab has no frames; timers still run there.
      frame ??= setTimeout(show, 30)
    }
    endThinking()
    if (signal.aborted) return { message: writtenSoFar('stopped') }
    return { message: writtenSoFar('error'), problem: { message: '', status: 0, code: 'connection_lost' } }
  } catch (error) {
    endThinking()
    if (signal.aborted) return { message: writtenSoFar('stopped') }
    return { message: writtenSoFar('error'), problem: problemOf(error) }
  } finally {
    clearTimeout(frame)
  }
}

/** What a server leaves out or gives as null does not undo what was seen in the stream. */
function present(message: Message | undefined): Partial<Message> {
  return Object.fromEntries(Object.entries(message ?? {}).filter(([, value]) => value != null))
}
