import { R1Error } from '../errors.ts'
import type { DeepSeekR1 } from './deepseek-r1.ts'
import type { GenerateOptions, Generation, GenerationEvent, Message } from './text/options.ts'

export interface ConversationOptions {
  /** What the model is told before the first message; never trimmed. */
  readonly system?: string
  /** What was said before. */
  readonly messages?: readonly Message[]
  /** Tokens of the context that are kept for an answer; 512 without it, at most half of the context. */
  readonly reserve?: number
}

/**
 * A conversation with its history. When it outgrows the context the oldest turns are left out of the prompt; the history
 * itself keeps them.
 *
 * @example
 * const conversation = new Conversation(model, { system: 'Answer briefly.' })
 * const { text } = await conversation.send('Hello')
 */
export class Conversation {
  /** Everything that was said, the system's message left out. */
  readonly messages: Message[]
  readonly system: string | undefined
  private readonly model: DeepSeekR1
  private readonly reserve: number

  constructor(model: DeepSeekR1, { system, messages = [], reserve = 512 }: ConversationOptions = {}) {
    this.model = model
    this.system = system
    this.messages = [...messages]
    this.reserve = Math.min(reserve, Math.floor(model.context / 2))
  }

  /**
   * Says something and waits for the answer. Where it fails, the history is as before.
   *
   * @throws R1Error `context-too-long` where the message alone does not fit, and what generating throws
   */
  async send(content: string, options: GenerateOptions = {}): Promise<Generation> {
    const asked: Message = { role: 'user', content }
    const generation = await this.model.generate(await this.promptFor(asked, options), options)
    this.remember(asked, generation.text, generation.reasoning ?? '')
    return generation
  }

  /** As {@link send}, giving out parts as they come. The turn is remembered when the answer has ended. */
  async *sendStream(content: string, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent> {
    const asked: Message = { role: 'user', content }
    const parts = { 'text-delta': '', 'reasoning-delta': '' }
    for await (const event of this.model.generateStream(await this.promptFor(asked, options), options)) {
      if (event.type === 'finish') this.remember(asked, parts['text-delta'], parts['reasoning-delta'])
      else parts[event.type] += event.delta
      yield event
    }
  }

  /** Forgets everything but what the system said. */
  clear(): void {
    this.messages.length = 0
  }

  /** Takes back the last question and its answer. @returns the question */
  undo(): string | undefined {
    const last = this.messages.findLastIndex(({ role }) => role === 'user')
    return last < 0 ? undefined : this.messages.splice(last)[0]?.content
  }

  private remember(asked: Message, content: string, reasoning: string): void {
    this.messages.push(asked, { role: 'assistant', content, ...(reasoning && { reasoning_content: reasoning }) })
  }

  /** The newest turns that fit the context beside an answer. */
  private async promptFor(asked: Message, options: GenerateOptions): Promise<readonly Message[]> {
    const system: Message[] = this.system === undefined ? [] : [{ role: 'system', content: this.system }]
    const room = this.model.context - Math.min(this.reserve, options.maxNewTokens ?? this.reserve)
    for (let from = 0; ; ) {
      const prompt = [...system, ...this.messages.slice(from), asked]
      const size = await this.model.countTokens(prompt, options)
      if (size <= room || from >= this.messages.length) {
        if (size < this.model.context) return prompt
        throw new R1Error('context-too-long', `The message takes ${size} tokens, the context ${this.model.context}.`, {
          remedy: 'Shorten it, or load the model with a longer context.',
        })
      }
      from = nextTurn(this.messages, from)
    }
  }
}

/** Where the turn after this one begins. */
function nextTurn(messages: readonly Message[], from: number): number {
  const next = messages.findIndex(({ role }, at) => at > from && role === 'user')
  return next < 0 ? messages.length : next
}
