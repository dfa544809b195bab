import { readDeepSeek, readHermes, readLlama, readMistral } from './readers.ts'

/** A call as a model wrote it. */
export interface ReadCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** How a family of models writes calls of tools. */
export interface ToolFormat {
  readonly name: 'hermes' | 'mistral' | 'llama' | 'deepseek'
  /** Text that begins a call; the first that occurs counts. */
  readonly opens: readonly string[]
  /** Text that ends it; without one a call goes on to the end of the answer. */
  readonly close: string | undefined
  /** An answer that begins with it is a call as well, with no mark before it. */
  readonly bare?: string
  /** Whether templates want the arguments of earlier calls as text, not as an object. */
  readonly argumentsAsText?: boolean
  /**
   * Reads what stands between the marks.
   *
   * @returns undefined where it is no call
   */
  read(body: string): readonly ReadCall[] | undefined
}

/** `<tool_call>{"name": …, "arguments": …}</tool_call>`: Hermes, Qwen, SmolLM2; Qwen3-Coder has tags instead of JSON. */
const hermes: ToolFormat = { name: 'hermes', opens: ['<tool_call>'], close: '</tool_call>', read: readHermes }

/** `[TOOL_CALLS][{"name": …, "arguments": …}]`, or `[TOOL_CALLS]name[ARGS]{…}`. */
const mistral: ToolFormat = { name: 'mistral', opens: ['[TOOL_CALLS]'], close: undefined, read: readMistral }

/** `{"name": …, "parameters": …}`, with or without a mark before it: Llama 3.1 and later. */
const llama: ToolFormat = {
  name: 'llama',
  opens: ['<|python_tag|>'],
  close: undefined,
  bare: '{',
  read: readLlama,
}

/** DeepSeek V3, R1 and V3.1. */
const deepseek: ToolFormat = {
  name: 'deepseek',
  opens: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>'],
  close: '<｜tool▁calls▁end｜>',
  argumentsAsText: true,
  read: readDeepSeek,
}

/** The format of a model, by what its chat template says of calls; Hermes's, which we then explain to it, without any. */
export function toolFormatOf(template: string | undefined): ToolFormat {
  if (template?.includes('tool▁call')) return deepseek
  if (template?.includes('[TOOL_CALLS]')) return mistral
  if (template?.includes('<tool_call>')) return hermes
  if (template?.includes('<|python_tag|>')) return llama
  return hermes
}
