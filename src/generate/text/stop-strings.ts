/** Text that may be given out, and whether a stop string came. */
export interface StopResult {
  readonly text: string
  readonly stopped: boolean
}

/** Looks for strings that end a text. What may yet become one is held back, however the text is cut into tokens. */
export class StopStrings {
  private readonly stops: readonly string[]
  private held = ''

  constructor(stops: readonly string[]) {
    this.stops = stops.filter((stop) => stop !== '')
  }

  push(delta: string): StopResult {
    const text = this.held + delta
    const places = this.stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
    if (places.length > 0) {
      this.held = ''
      return { text: text.slice(0, Math.min(...places)), stopped: true }
    }
    const sure = text.length - Math.max(0, ...this.stops.map((stop) => beginningAtEnd(text, stop)))
    this.held = text.slice(sure)
    return { text: text.slice(0, sure), stopped: false }
  }

  /** What was held back. */
  flush(): string {
    const { held } = this
    this.held = ''
    return held
  }
}

/** The length of the longest end of the text that begins the stop string, short of the whole. */
function beginningAtEnd(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}
