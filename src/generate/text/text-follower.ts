import { type ReasoningEvent, ReasoningParser, type Tokenizer, thinkTags } from '../../text/index.ts'
import type { FinishReason, Guide } from '../guide.ts'
import { StopStrings } from './stop-strings.ts'

/** What a follower has to know of its text. */
export interface FollowerOptions {
  readonly stops: readonly string[]
  /** The prompt opened a thought already. */
  readonly inside: boolean
}

/** Turns tokens into text as they come: whole characters, stop strings, thought and answer apart. */
export class TextFollower implements Guide {
  readonly onlyReads: boolean
  private readonly tokenizer: Tokenizer
  private readonly decoder
  private readonly stops: StopStrings
  private readonly parser: ReasoningParser
  private events: ReasoningEvent[] = []
  /** Tokens that came while the thought went on. */
  reasoningTokens = 0

  constructor(tokenizer: Tokenizer, { stops, inside }: FollowerOptions) {
    this.tokenizer = tokenizer
    this.onlyReads = stops.length === 0
    this.decoder = tokenizer.streamDecoder()
    this.stops = new StopStrings(stops)
    this.parser = new ReasoningParser({ inside, trim: true })
  }

  accept(id: number): FinishReason | undefined {
    const { text, stopped } = this.stops.push(this.isShown(id) ? this.decoder.push(id) : '')
    const events = this.parser.push(text)
    if (events.some(({ type }) => type === 'reasoning-delta')) this.reasoningTokens++
    this.events.push(...events)
    return stopped ? 'stop' : undefined
  }

  /** What has come since the last call. */
  take(): ReasoningEvent[] {
    const { events } = this
    this.events = []
    return events
  }

  /** What was held back, once there are no more tokens. */
  end(): ReasoningEvent[] {
    const { text } = this.stops.push(this.decoder.flush())
    return [...this.take(), ...this.parser.push(text + this.stops.flush()), ...this.parser.end()]
  }

  /** Control tokens are no text, but the marks of a thought are read. */
  private isShown(id: number): boolean {
    if (!this.tokenizer.isSpecial(id)) return true
    const token = this.tokenizer.idToToken(id)
    return token === thinkTags.open || token === thinkTags.close
  }
}
