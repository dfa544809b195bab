import type { FinishReason, Guide } from '../../generate/guide.ts'
import { StopStrings } from '../../generate/text/stop-strings.ts'
import { type ReasoningEvent, ReasoningParser, type Tokenizer, thinkTags } from '../../text/index.ts'

export interface ChatFollowerOptions {
  readonly stops: readonly string[]
  /** The prompt opened a thought already. */
  readonly inside: boolean
  /** Whether thoughts are told apart at all. */
  readonly thinks: boolean
  /** Texts of control tokens that are shown: the marks of calls. */
  readonly shown: readonly string[]
}

/**
 * Turns tokens into text as the engine gives them: what each token made certain, in order, thought and answer apart. It ends
 * the text at stop strings.
 */
export class ChatFollower implements Guide {
  readonly onlyReads: boolean
  private readonly tokenizer: Tokenizer
  private readonly decoder
  private readonly stops: StopStrings
  private readonly parser: ReasoningParser | undefined
  private readonly shown: ReadonlySet<string>
  private readonly made: ReasoningEvent[][] = []
  /** Tokens that came while the thought went on. */
  reasoningTokens = 0

  constructor(tokenizer: Tokenizer, { stops, inside, thinks, shown }: ChatFollowerOptions) {
    this.tokenizer = tokenizer
    this.onlyReads = stops.length === 0
    this.decoder = tokenizer.streamDecoder()
    this.stops = new StopStrings(stops)
    this.parser = thinks ? new ReasoningParser({ inside, trim: true }) : undefined
    this.shown = new Set([thinkTags.open, thinkTags.close, ...shown])
  }

  accept(id: number): FinishReason | undefined {
    const { text, stopped } = this.stops.push(this.isShown(id) ? this.decoder.push(id) : '')
    const events = this.parse(text)
    if (events.some(({ type }) => type === 'reasoning-delta')) this.reasoningTokens++
    this.made.push(events)
    return stopped ? 'stop' : undefined
  }

  /** What the next token made certain; called once for each, in order. */
  next(): readonly ReasoningEvent[] {
    return this.made.shift() ?? []
  }

  /** What was held back, once there are no more tokens. */
  end(): readonly ReasoningEvent[] {
    const { text } = this.stops.push(this.decoder.flush())
    return [...this.parse(text + this.stops.flush()), ...(this.parser?.end() ?? [])]
  }

  private parse(text: string): ReasoningEvent[] {
    if (this.parser) return this.parser.push(text)
    return text === '' ? [] : [{ type: 'text-delta', delta: text }]
  }

  /** Whether a token is a part of the text. */
  isShown(id: number): boolean {
    return !this.tokenizer.isSpecial(id) || this.shown.has(this.tokenizer.idToToken(id) ?? '')
  }
}
