import { R1Error } from '../../errors.ts'
import type { ChatTemplateMessage } from '../../text/index.ts'
import type { Constraint } from '../constrain/constraint.ts'
import type { FinishReason } from '../guide.ts'
import { checkWhole, type GeneratedToken, type TokenRequest, type Usage } from '../request.ts'
import type { SamplingOptions } from '../sampling/options.ts'

/** A message of a conversation. */
export type Message = ChatTemplateMessage & { readonly content: string }

/** What a text is made from: a text of the user's, or a conversation. */
export type Prompt = string | readonly Message[]

export interface GenerateOptions
  extends SamplingOptions,
    Constraint,
    Pick<TokenRequest, 'maxNewTokens' | 'logProbabilities' | 'lookup' | 'priority' | 'salt' | 'signal'> {
  /** Strings that end the text; they are left out. At most 16. */
  readonly stop?: string | readonly string[] | undefined
  /** Most tokens of the thought; its end is forced then. */
  readonly thinkingBudget?: number | undefined
  /** Searches for likely texts with so many beams, 2 to 10; the others are left out, and no token is drawn. */
  readonly beams?: number | undefined
  /** How many texts, 1 without it. The prompt is computed once. */
  readonly n?: number | undefined
  /** Continues the prompt as it stands, without the chat template. */
  readonly raw?: boolean | undefined
  /** What else the chat template may ask for, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

/** What a text took. */
export interface TextUsage extends Usage {
  /** Tokens of the thought. */
  readonly reasoningTokens: number
}

/** One text. */
export interface Choice {
  readonly text: string
  /** The thought before the answer, where there was one. */
  readonly reasoning: string | undefined
  readonly finishReason: FinishReason
  readonly usage: TextUsage
  readonly tokens: readonly GeneratedToken[]
}

/** The first text, and all of them where several were asked for. */
export interface Generation extends Choice {
  readonly choices: readonly Choice[]
}

/** A part of a text as it comes. */
export type GenerationEvent =
  | { readonly type: 'reasoning-delta' | 'text-delta'; readonly delta: string }
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: TextUsage }

/** @throws R1Error `bad-option` */
export function checkGenerate({ stop, thinkingBudget, n }: GenerateOptions): void {
  checkWhole('thinkingBudget', thinkingBudget, 0, Number.MAX_SAFE_INTEGER)
  checkWhole('n', n, 1, 128)
  const stops = stopsOf(stop)
  if (stops.length <= 16 && stops.every((text) => typeof text === 'string')) return
  throw new R1Error('bad-option', 'stop must be a string or at most 16 of them.', { remedy: 'Leave some out.' })
}

export function stopsOf(stop: GenerateOptions['stop']): readonly string[] {
  return stop === undefined ? [] : typeof stop === 'string' ? [stop] : stop
}

/** @throws R1Error `bad-argument` for anything but a text or a list of messages with a role and a content */
export function checkPrompt(prompt: unknown): asserts prompt is Prompt {
  if (typeof prompt === 'string') return
  const isMessage = (message: unknown) =>
    typeof message === 'object' &&
    message !== null &&
    'role' in message &&
    typeof message.role === 'string' &&
    'content' in message &&
    typeof message.content === 'string'
  if (Array.isArray(prompt) && prompt.length > 0 && prompt.every(isMessage)) return
  throw new R1Error('bad-argument', 'A prompt is a text, or a list of messages with role and content.', {
    remedy: "Give for example [{ role: 'user', content: '…' }].",
  })
}
