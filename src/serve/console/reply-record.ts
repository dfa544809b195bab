import type { TextUsage } from '../../generate/index.ts'
import type { Json, NewMessage } from '../../store/index.ts'
import type { ChatEvent, ChatToken } from '../chat/events.ts'

/** A token as the console shows it; probabilities to four digits, which is what a colour can tell. */
export interface ShownToken {
  readonly text: string
  readonly probability: number
  readonly top?: readonly { readonly text: string; readonly probability: number }[]
}

const rounded = (probability: number): number => Math.round(probability * 1e4) / 1e4

export function shownToken({ text, probability, top }: ChatToken): ShownToken {
  const alternatives = top?.map((other) => ({ text: other.text, probability: rounded(other.probability) }))
  return { text, probability: rounded(probability), ...(alternatives && { top: alternatives }) }
}

/** What a reply took, as it is stored and shown. */
export const shownUsage = ({ promptTokens, newTokens, reasoningTokens, cachedTokens }: TextUsage) => ({
  promptTokens,
  completionTokens: newTokens,
  reasoningTokens,
  cachedTokens,
})

/** Gathers a reply from its events, whether it comes to its end or not. */
export class ReplyRecord {
  private readonly startedAt = performance.now()
  private content = ''
  private reasoning = ''
  private thought: number | undefined
  private readonly tokens: { readonly reasoning: ShownToken[]; readonly text: ShownToken[] } = {
    reasoning: [],
    text: [],
  }
  private usage: ReturnType<typeof shownUsage> | undefined
  private finishReason: string | undefined

  /** Whether the reply came to its end. */
  get finished(): boolean {
    return this.finishReason !== undefined
  }

  add(event: ChatEvent): void {
    if (event.type === 'finish') {
      this.endThought()
      this.usage = shownUsage(event.usage)
      this.finishReason = event.finishReason
    } else if (event.type === 'reasoning-delta') {
      this.reasoning += event.text
      this.tokens.reasoning.push(...(event.tokens ?? []).map(shownToken))
    } else if (event.type === 'text-delta') {
      this.endThought()
      this.content += event.text
      this.tokens.text.push(...(event.tokens ?? []).map(shownToken))
    }
  }

  /**
   * The message to store.
   *
   * @param cutOff why it ends, where it did not come to its end
   */
  message(about: Pick<NewMessage, 'id' | 'parent' | 'model' | 'sampling'>, cutOff: 'stopped' | 'error'): NewMessage {
    const hasTokens = this.tokens.reasoning.length + this.tokens.text.length > 0
    return {
      ...about,
      role: 'assistant',
      content: this.content,
      reasoning: this.reasoning === '' ? null : this.reasoning,
      reasoningMilliseconds: this.thought ?? null,
      // Plain data, whatever its type says.
      tokens: hasTokens ? (this.tokens as unknown as Json) : null,
      usage: this.usage ?? null,
      finishReason: this.finishReason ?? cutOff,
    }
  }

  private endThought(): void {
    if (this.reasoning !== '') this.thought ??= Math.round(performance.now() - this.startedAt)
  }
}
