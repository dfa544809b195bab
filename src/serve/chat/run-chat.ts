import { R1Error } from '../../errors.ts'
import type { Guide } from '../../generate/guide.ts'
import { joinGuides } from '../../generate/guide.ts'
import type { GeneratedToken, TokenRequest } from '../../generate/request.ts'
import type { SamplingOptions } from '../../generate/sampling/options.ts'
import { thinkingBudget } from '../../generate/text/thinking-budget.ts'
import { randomWord } from '../../tensor/random.ts'
import type { ReasoningEvent, Tokenizer } from '../../text/index.ts'
import type { ServedModel } from '../models/served-model.ts'
import { ToolParser, type ToolPart } from '../tools/tool-parser.ts'
import type { ChatEvent, ChatRequest, ChatToken } from './events.ts'
import { ChatFollower } from './follower.ts'
import { type ForcedCall, forcedCallOf, namedCall } from './forced-call.ts'
import type { ChatPrompt } from './prompt.ts'

/** What a text is made of, besides the request. */
export interface TextSource extends ChatPrompt {
  /** A conversation: thoughts and calls are looked for. */
  readonly chats: boolean
}

/** A text that the engine has taken on. */
export interface TextRun {
  readonly promptTokens: number
  /** Its events, without the first one. Leaving the loop stops the engine. */
  events(): AsyncGenerator<ChatEvent>
  cancel(): void
}

/**
 * Asks a model's engine for a text.
 *
 * @throws R1Error what is wrong with the request: `context-too-long`, `bad-option`, `bad-constraint`, `queue-full` …
 */
export async function startRun(
  served: ServedModel,
  request: ChatRequest,
  { ids, inside, chats }: TextSource,
  signal: AbortSignal | undefined,
): Promise<TextRun> {
  const { engine, text: model, toolFormat } = served
  if (!engine) {
    throw new R1Error('no-cache', `The model ${served.id} cannot generate text.`, { remedy: 'Use it for embeddings.' })
  }
  const { tokenizer } = model
  const forced = forcedCallOf(request)
  const readsCalls = chats && !forced && request.toolChoice !== 'none' && (request.tools?.length ?? 0) > 0
  const follower = new ChatFollower(tokenizer, {
    stops: request.stop ?? [],
    inside,
    thinks: chats,
    shown: readsCalls ? [...toolFormat.opens, ...(toolFormat.close === undefined ? [] : [toolFormat.close])] : [],
  })
  const constraint = forced ? { schema: forced.schema } : request
  const guides = await served.guidesFor(constraint, inside)
  const budget = request.thinking === false && inside ? 0 : request.thinkingBudget
  const limits: Guide[] = budget === undefined ? [] : [thinkingBudget(tokenizer, budget, inside)]
  signal?.throwIfAborted()
  const { maxNewTokens, probabilities, priority, salt, index = 0 } = request
  const tokens: TokenRequest = {
    prompt: ids,
    maxNewTokens,
    logProbabilities: probabilities,
    priority,
    salt,
    signal,
    stopIds: request.ignoreEnd ? [] : model.stopIds,
    sampling: samplingOf(model.sampling, request, index),
    guide: joinGuides([follower, ...limits, ...guides]),
  }
  const stream = engine.generate(tokens)
  return {
    promptTokens: ids.length,
    cancel: () => stream.cancel(),
    async *events() {
      const calls = new CallWriter(forced, readsCalls ? new ToolParser(toolFormat) : undefined)
      let tokensHeld: ChatToken[] = []
      const emit = function* (made: readonly ReasoningEvent[]): Generator<ChatEvent> {
        for (const { type, delta } of made) {
          const parts: ChatEvent[] =
            type === 'text-delta' ? calls.push(delta) : [{ type: 'reasoning-delta', text: delta }]
          yield* withTokens(parts)
        }
      }
      // The tokens travel with the first text that comes after them.
      const withTokens = function* (events: Iterable<ChatEvent>): Generator<ChatEvent> {
        for (const event of events) {
          if (tokensHeld.length > 0 && (event.type === 'text-delta' || event.type === 'reasoning-delta')) {
            yield { ...event, tokens: tokensHeld }
            tokensHeld = []
          } else yield event
        }
      }
      for await (const token of stream) {
        if (probabilities !== undefined && follower.isShown(token.id)) tokensHeld.push(describe(tokenizer, token))
        yield* emit(follower.next())
      }
      yield* emit(follower.end())
      yield* withTokens(calls.end())
      if (tokensHeld.length > 0) yield* withTokens([{ type: 'text-delta', text: '' }])
      const { reason, usage } = await stream.finish
      const finishReason = reason === 'stop' ? (calls.count > 0 ? 'tool_calls' : 'stop') : 'length'
      yield { type: 'finish', finishReason, usage: { ...usage, reasoningTokens: follower.reasoningTokens } }
    },
  }
}

/** What the request says goes before what the checkpoint recommends; every choice has random numbers of its own. */
function samplingOf(recommended: SamplingOptions, { sampling = {} }: ChatRequest, index: number): SamplingOptions {
  const { temperature, seed } = sampling
  // A temperature of the request's own leaves out what was recommended with another one.
  const others = temperature === undefined ? recommended : { repetitionPenalty: recommended.repetitionPenalty }
  const given = Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined))
  return { ...others, ...given, seed: seed === undefined || index === 0 ? seed : randomWord(seed, index) }
}

function describe(tokenizer: Tokenizer, { id, logProbability = 0, alternatives }: GeneratedToken): ChatToken {
  const of = (token: number, value: number) => ({
    id: token,
    text: tokenizer.decode([token]),
    logProbability: value,
    probability: Math.exp(value),
  })
  const top = alternatives?.map((other) => of(other.id, other.logProbability))
  return { ...of(id, logProbability), ...(top && top.length > 0 && { top }) }
}

/** Writes text as calls where it is one. */
class CallWriter {
  /** Calls so far. */
  count = 0
  private readonly forced: ForcedCall | undefined
  private readonly parser: ToolParser | undefined
  private body = ''

  constructor(forced: ForcedCall | undefined, parser: ToolParser | undefined) {
    this.forced = forced
    this.parser = parser
  }

  push(text: string): ChatEvent[] {
    if (this.forced?.name !== undefined) {
      const events: ChatEvent[] = this.count === 0 ? [this.start(this.forced.name)] : []
      return [...events, { type: 'tool-call-delta', index: 0, arguments: text }]
    }
    if (this.forced) {
      this.body += text
      return []
    }
    return this.parser ? this.parser.push(text).flatMap((part) => this.eventsOf(part)) : [{ type: 'text-delta', text }]
  }

  end(): ChatEvent[] {
    if (this.forced && this.forced.name === undefined) {
      const calls = namedCall(this.body)
      return calls ? this.eventsOf({ calls }) : []
    }
    return (this.parser?.end() ?? []).flatMap((part) => this.eventsOf(part))
  }

  private eventsOf(part: ToolPart): ChatEvent[] {
    if ('text' in part) return [{ type: 'text-delta', text: part.text }]
    return part.calls.flatMap(({ name, arguments: given }): ChatEvent[] => {
      const start = this.start(name)
      return [start, { type: 'tool-call-delta', index: start.index, arguments: JSON.stringify(given) }]
    })
  }

  private start(name: string) {
    const id = `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
    return { type: 'tool-call-start', index: this.count++, id, name } as const
  }
}
