import type { TextUsage } from '../../generate/index.ts'
import type { ChatTemplateMessage } from '../../text/index.ts'

/** A tool that a model may call. */
export interface ChatTool {
  readonly name: string
  readonly description?: string | undefined
  /** JSON schema of the arguments, an object. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
}

/** What a text is asked for with; names as in the library. */
export interface ChatRequest {
  /** Name of the model; the default one without it. */
  readonly model?: string | undefined
  readonly messages: readonly ChatTemplateMessage[]
  readonly tools?: readonly ChatTool[] | undefined
  /** `auto` without it; a name calls that tool whatever the model thinks of it. */
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly name: string } | undefined
  /** The last message is the assistant's and is gone on with. */
  readonly prefix?: boolean | undefined
  readonly maxNewTokens?: number | undefined
  readonly stop?: readonly string[] | undefined
  /** Goes on to the limit of tokens, whatever the model thinks of it. */
  readonly ignoreEnd?: boolean | undefined
  readonly sampling?: ChatSampling | undefined
  /** A JSON schema that the answer follows, or true for any JSON. */
  readonly schema?: Readonly<Record<string, unknown>> | true | undefined
  /** A regular expression of the whole answer. */
  readonly regex?: string | undefined
  readonly grammar?: string | undefined
  /** Whether to think, for models that can choose; what the template does by itself without it. */
  readonly thinking?: boolean | undefined
  /** Most tokens of the thought. */
  readonly thinkingBudget?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly templateVariables?: Readonly<Record<string, string | number | boolean | null>> | undefined
  /** Gives each token with its probability, and so many of the most likely ones: 0 to 20. */
  readonly probabilities?: number | undefined
  /** Which of several texts of one request it is: each draws by random numbers of its own. */
  readonly index?: number | undefined
  readonly priority?: number | undefined
  /** Prompts share what was computed only among equal salts. */
  readonly salt?: string | undefined
}

export interface ChatSampling {
  readonly temperature?: number | undefined
  readonly topK?: number | undefined
  readonly topP?: number | undefined
  readonly minP?: number | undefined
  readonly repetitionPenalty?: number | undefined
  readonly presencePenalty?: number | undefined
  readonly frequencyPenalty?: number | undefined
  readonly logitBias?: Readonly<Record<string, number>> | undefined
  readonly seed?: number | undefined
}

/** A token with its probability, before temperature and penalties. */
export interface ChatToken {
  readonly id: number
  /** Its own text; � where it is a part of a character. */
  readonly text: string
  readonly logProbability: number
  /** From 0 to 1. */
  readonly probability: number
  /** The most likely tokens at this place, where they were asked for. */
  readonly top?: readonly Omit<ChatToken, 'top'>[]
}

export type ChatFinishReason = 'stop' | 'length' | 'tool_calls'

/** A part of an answer, in the order of the events. */
export type ChatEvent =
  /** The prompt is rendered and the engine has it; comes first. */
  | { readonly type: 'start'; readonly model: string; readonly promptTokens: number }
  | {
      readonly type: 'reasoning-delta' | 'text-delta'
      readonly text: string
      /** The tokens that it was made of, where probabilities were asked for. */
      readonly tokens?: readonly ChatToken[]
    }
  /** A call begins (`name` is known) or goes on; the texts of `arguments` joined are JSON. */
  | { readonly type: 'tool-call-start'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'tool-call-delta'; readonly index: number; readonly arguments: string }
  | { readonly type: 'finish'; readonly finishReason: ChatFinishReason; readonly usage: TextUsage }
