import { mix32 } from '../random.ts'
import { characterTables, kindCount, kinds } from './characters.ts'

/** What cleaning knows of a text from one pass over it. The arrays are used again by the next scan. */
export interface Profile {
  /** Characters of each kind ({@link kinds}). */
  readonly counts: Uint32Array
  /** All characters (a pair of surrogates is one). */
  readonly characters: number
  /**
   * A hash of each word, in order: runs of letters and digits in lower case, and each Chinese or Japanese character by
   * itself. Two texts that differ in case, spaces and punctuation alone have the same words.
   */
  readonly words: Uint32Array
  /** For each line with words: a hash of its words, and how many they are. */
  readonly lineHashes: Uint32Array
  readonly lineWords: Uint32Array
}

const basis = 0x811c9dc5
const prime = 0x01000193

/** The word hash that {@link ProfileScanner} gives a word. */
export function wordHash(word: string): number {
  const { lower } = characterTables()
  let hash = basis
  for (let index = 0; index < word.length; index++) {
    hash = Math.imul(hash ^ (lower[word.charCodeAt(index)] as number), prime)
  }
  return hash >>> 0
}

/** Scans texts, one after another, into the same memory. */
export class ProfileScanner {
  private words = new Uint32Array(1 << 12)
  private lineHashes = new Uint32Array(1 << 8)
  private lineWords = new Uint32Array(1 << 8)

  scan(text: string): Profile {
    const { kind, lower } = characterTables()
    const counts = new Uint32Array(kindCount)
    if (this.words.length < text.length + 1) this.words = new Uint32Array(2 * text.length)
    const { words } = this
    let count = 0
    let lines = 0
    let lineStart = 0
    let lineHash = basis
    let hash = basis
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      const is = kind[unit] as number
      // Most characters: they are counted as what the others leave.
      if (is === kinds.latin) {
        hash = Math.imul(hash ^ (lower[unit] as number), prime)
        continue
      }
      counts[is] = (counts[is] as number) + 1
      if (is <= kinds.digit && is !== kinds.han && is !== kinds.kana) {
        hash = Math.imul(hash ^ (lower[unit] as number), prime)
        continue
      }
      if (is === kinds.secondHalf) continue
      if (hash !== basis) {
        words[count++] = hash
        lineHash = Math.imul(lineHash ^ hash, prime)
        hash = basis
      }
      if (is === kinds.han || is === kinds.kana) {
        const second = unit >= 0xd800 && unit <= 0xdbff ? text.charCodeAt(index + 1) : 0
        const character = Math.imul(Math.imul(basis ^ unit, prime) ^ second, prime) >>> 0
        words[count++] = character
        lineHash = Math.imul(lineHash ^ character, prime)
      } else if (unit === 10 && count > lineStart) {
        this.addLine(lines++, lineHash, count - lineStart)
        lineStart = count
        lineHash = basis
      }
    }
    if (hash !== basis) {
      words[count++] = hash
      lineHash = Math.imul(lineHash ^ hash, prime)
    }
    if (count > lineStart) this.addLine(lines++, lineHash, count - lineStart)
    counts[kinds.latin] = text.length - counts.reduce((sum, each) => sum + each, 0)
    return {
      counts,
      characters: text.length - (counts[kinds.secondHalf] as number),
      words: words.subarray(0, count),
      lineHashes: this.lineHashes.subarray(0, lines),
      lineWords: this.lineWords.subarray(0, lines),
    }
  }

  private addLine(line: number, hash: number, words: number): void {
    if (line === this.lineHashes.length) {
      this.lineHashes = doubled(this.lineHashes)
      this.lineWords = doubled(this.lineWords)
    }
    this.lineHashes[line] = mix32(hash)
    this.lineWords[line] = words
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * array.length)
  larger.set(array)
  return larger
}

/** Characters that are letters of any script. */
export function lettersOf({ counts }: Profile): number {
  let letters = 0
  for (let kind = 0; kind <= kinds.otherLetter; kind++) letters += counts[kind] as number
  return letters
}
