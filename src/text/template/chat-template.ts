import { R1Error } from '../../errors.ts'
import { opensReasoning, type ReasoningTags } from '../reasoning/reasoning-parser.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { fenceValues, type TemplateValue, unfence } from './fence.ts'
import { defaultRenderLimits, type RenderLimits, RenderPool } from './render-pool.ts'
import { checkSize } from './source.ts'

/** A message as templates see it: `role`, `content`, and what else the model knows (`tool_calls`, `reasoning_content`). */
export type ChatTemplateMessage = { readonly role: string } & { readonly [key: string]: TemplateValue }

/** What is to be rendered. */
export interface ChatTemplateInput {
  messages: readonly ChatTemplateMessage[]
  /** Tools as JSON schemas of functions. */
  tools?: readonly TemplateValue[]
  documents?: readonly TemplateValue[]
  /** Ends with the beginning of the assistant's turn. Default true. */
  addGenerationPrompt?: boolean
  /** What else the template may ask for (`enable_thinking`, `reasoning_effort`). */
  variables?: { readonly [name: string]: TemplateValue }
  /** What `strftime_now` takes for the present. Default: now. */
  now?: Date
  signal?: AbortSignal
}

export interface ChatTemplateOptions {
  /** Texts of tokens that templates ask for: `bos_token`, `eos_token`, `pad_token`, `unk_token`. */
  specialTokens?: { readonly [name: string]: string }
  limits?: Partial<RenderLimits>
  /** Where to render; by default one pool for the process. */
  pool?: RenderPool
}

/** A conversation as a prompt. */
export interface RenderedPrompt {
  /** Token ids [T]; text of messages never yields a special token. */
  ids: Int32Array
  text: string
  /** The prompt ends inside a thought that it opened itself. */
  opensReasoning: boolean
}

/** Names that a caller's variables may not take: what the conversation itself says, and what the language provides. */
const reserved = new Set(['messages', 'tools', 'documents', 'add_generation_prompt', 'chat_template'])
const language = [
  'raise_exception',
  'strftime_now',
  'range',
  'namespace',
  'dict',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
]
for (const name of language) reserved.add(name)

const sharedPool = new RenderPool()

/** A model's chat template, rendered in a process of its own with limits of time and memory: it may be hostile. */
export class ChatTemplate {
  readonly source: string
  private readonly specialTokens: { readonly [name: string]: string }
  private readonly limits: RenderLimits
  private readonly pool: RenderPool

  /** @throws R1Error `template-too-large` */
  constructor(source: string, options: ChatTemplateOptions = {}) {
    this.source = checkSize(source)
    this.specialTokens = options.specialTokens ?? {}
    this.limits = { ...defaultRenderLimits, ...options.limits }
    this.pool = options.pool ?? sharedPool
  }

  /**
   * Renders a conversation to text. The text alone does not tell a message's `<|im_end|>` from the template's own: use
   * {@link renderToTokens} for a model's input.
   *
   * @throws R1Error `template-timeout`, `template-too-large`, `template-refused`, `bad-template`, `template-failed`,
   * `bad-argument`
   */
  async render(input: ChatTemplateInput): Promise<string> {
    return this.renderValues(this.valuesOf(input), input)
  }

  /**
   * Renders a conversation to token ids: special tokens come from the template alone, and where the messages hold none of
   * their texts the ids are those of the whole text.
   *
   * @throws R1Error as {@link render}
   */
  async renderToTokens(tokenizer: Tokenizer, input: ChatTemplateInput, tags?: ReasoningTags): Promise<RenderedPrompt> {
    const others = [this.source, ...Object.values(this.specialTokens)]
    const { values, mark } = fenceValues(this.valuesOf(input), others, (text) => tokenizer.specialTextCuts(text))
    const { text, barriers } = unfence(await this.renderValues(values, input), mark)
    const ids = tokenizer.encode(text, { specialTokens: 'allow', barriers })
    return { ids, text, opensReasoning: opensReasoning(text, tags) }
  }

  private renderValues(values: TemplateValues, { now, signal }: ChatTemplateInput): Promise<string> {
    const options = { limits: this.limits, now: now?.getTime(), signal }
    return this.pool.render(this.source, { ...values, ...this.specialTokens }, options)
  }

  private valuesOf(input: ChatTemplateInput): TemplateValues {
    const variables = input.variables ?? {}
    for (const name of Object.keys(variables)) {
      if (!reserved.has(name) && !Object.hasOwn(this.specialTokens, name)) continue
      throw new R1Error('bad-argument', `The template variable "${name}" cannot be set.`, { remedy: 'Leave it out.' })
    }
    return {
      ...variables,
      messages: input.messages.map(withReasoningNames),
      tools: input.tools?.length ? input.tools : null,
      documents: input.documents?.length ? input.documents : null,
      add_generation_prompt: input.addGenerationPrompt ?? true,
    }
  }
}

/** The names under which templates look for the thought of an earlier turn. */
const reasoningNames = ['reasoning_content', 'reasoning', 'thinking']

/** Gives a thought all of its names, whichever one the caller used. */
function withReasoningNames(message: ChatTemplateMessage): ChatTemplateMessage {
  const given = reasoningNames.find((name) => typeof message[name] === 'string')
  if (given === undefined) return message
  return { ...Object.fromEntries(reasoningNames.map((name) => [name, message[given]])), ...message }
}

type TemplateValues = { readonly [key: string]: TemplateValue }
