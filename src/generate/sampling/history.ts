/** Which tokens a sequence has had: what penalties look at. */
export class History {
  private readonly prompt: ReadonlySet<number>
  private readonly counts = new Map<number, number>()

  constructor(prompt: Iterable<number>) {
    this.prompt = new Set(prompt)
  }

  /** Adds a token of the text. */
  push(id: number): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1)
  }

  /** The tokens of the text and how often each stands there. */
  get generated(): ReadonlyMap<number, number> {
    return this.counts
  }

  /** Every token of prompt and text once. */
  *seen(): Generator<number> {
    yield* this.prompt
    for (const id of this.counts.keys()) if (!this.prompt.has(id)) yield id
  }
}
