import type { Augmentation } from '../clean/stage.ts'
import { Random, textWord } from '../random.ts'

export interface CopyOptions {
  readonly seed: number
  /** Changed copies of each document, beside the document itself. Default 1. */
  readonly copies?: number
}

/**
 * An augmentation that puts changed copies beside each document. What a copy becomes depends on the seed, the document's
 * id and the copy's number alone, so that order and neighbours do not matter. A copy that came out unchanged is left out.
 */
export function withCopies(
  name: string,
  { seed, copies = 1 }: CopyOptions,
  change: (text: string, random: Random) => string,
): Augmentation {
  return {
    name,
    expand(document) {
      const made = [document]
      for (let copy = 1; copy <= copies; copy++) {
        const text = change(document.text, new Random(seed ^ textWord(document.id), `${name} ${copy}`))
        if (text !== document.text) made.push({ ...document, id: `${document.id}#${name}-${copy}`, text })
      }
      return made
    },
  }
}
