import type { Sequence } from './sequence.ts'

/**
 * One step of a text: its last token, and drafted ones behind it whose logits come in the same step. A draft is right where
 * it is the token that would have been chosen anyway, so the text is the same with drafts and without.
 */
export class Verification {
  readonly sequence: Sequence
  /** The last token and the drafts. */
  readonly tokens: readonly number[]
  /** Drafts that were right. */
  accepted = 0

  /** @param texts that share the step */
  constructor(sequence: Sequence, texts: number) {
    this.sequence = sequence
    this.tokens = [sequence.tokens[sequence.computed] as number, ...sequence.draft(texts)]
  }

  /** Whether the token chosen at this place is the draft that the next logits were computed for. */
  agrees(at: number): boolean {
    const { tokens, sequence } = this
    const right = at + 1 < tokens.length && tokens[at + 1] === sequence.tokens.at(-1)
    if (right) {
      this.accepted++
      sequence.acceptedDrafts++
    } else sequence.learn(tokens.length - 1, this.accepted)
    return right
  }
}
