import type { Augmentation } from '../clean/stage.ts'
import type { Random } from '../random.ts'
import { type CopyOptions, withCopies } from './copies.ts'
import { segmentsOf } from './words.ts'

export interface NoiseOptions extends CopyOptions {
  /** Share of characters of words that are swapped, left out, doubled or replaced. Default 0.02. */
  readonly characters?: number
  /** Share of words that are left out. Default 0.03. */
  readonly words?: number
}

/** Puts copies with typing mistakes beside each document. */
export function noise({ characters = 0.02, words = 0.03, ...options }: NoiseOptions): Augmentation {
  return withCopies('noise', options, (text, random) => addNoise(text, { characters, words }, random))
}

/** @param shares of characters that are spoilt and of words that are left out, 0 to 1 */
export function addNoise(text: string, shares: { characters: number; words: number }, random: Random): string {
  return segmentsOf(text)
    .map((segment) => {
      if (!segment.isWord) return segment.text
      return random.uniform() < shares.words ? '' : spoil(segment.text, shares.characters, random)
    })
    .join('')
}

function spoil(word: string, share: number, random: Random): string {
  const letters = [...word]
  for (let index = 0; index < letters.length; index++) {
    if (random.uniform() >= share) continue
    const letter = letters[index] as string
    const next = letters[index + 1]
    switch (random.below(4)) {
      case 0:
        if (next !== undefined) [letters[index], letters[index + 1]] = [next, letter]
        break
      case 1:
        letters[index] = ''
        break
      case 2:
        letters[index] = letter + letter
        break
      default:
        letters[index] = random.pick([...word])
    }
  }
  return letters.join('')
}
