import type { LanguageModelV4Content, LanguageModelV4FinishReason, LanguageModelV4Usage } from '@ai-sdk/provider'

/** What an answer took, in the server's words. */
export interface WireUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number }
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number }
}

export interface WireCall {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
}

/** The answer to a request that is not streamed. */
export interface WireAnswer {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly choices: readonly [
    {
      readonly message: {
        readonly content: string | null
        readonly reasoning_content?: string
        readonly reasoning?: string
        readonly tool_calls?: readonly WireCall[]
      }
      readonly finish_reason: string
    },
  ]
  readonly usage: WireUsage
}

export function finishReasonOf(raw: string | undefined): LanguageModelV4FinishReason {
  const known = { stop: 'stop', length: 'length', tool_calls: 'tool-calls' } as const
  return { unified: known[raw as keyof typeof known] ?? 'other', raw }
}

export function usageOf(usage: WireUsage | undefined): LanguageModelV4Usage {
  const cached = usage?.prompt_tokens_details?.cached_tokens
  const reasoning = usage?.completion_tokens_details?.reasoning_tokens
  const difference = (whole: number | undefined, part: number | undefined) =>
    whole === undefined ? undefined : whole - (part ?? 0)
  return {
    inputTokens: {
      total: usage?.prompt_tokens,
      noCache: difference(usage?.prompt_tokens, cached),
      cacheRead: cached,
      cacheWrite: undefined,
    },
    outputTokens: {
      total: usage?.completion_tokens,
      text: difference(usage?.completion_tokens, reasoning),
      reasoning,
    },
    ...(usage && { raw: JSON.parse(JSON.stringify(usage)) }),
  }
}

/** The parts of an answer, in the order in which they were written. */
export function contentOf({ choices: [{ message }] }: WireAnswer): LanguageModelV4Content[] {
  const reasoning = message.reasoning_content ?? message.reasoning
  return [
    ...(reasoning ? [{ type: 'reasoning', text: reasoning } as const] : []),
    ...(message.content ? [{ type: 'text', text: message.content } as const] : []),
    ...(message.tool_calls ?? []).map(
      ({ id, function: { name, arguments: input } }) =>
        ({ type: 'tool-call', toolCallId: id, toolName: name, input }) as const,
    ),
  ]
}
