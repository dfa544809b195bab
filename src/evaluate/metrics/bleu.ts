import { R1Error } from '../../errors.ts'
import { type BleuTokenizer, bleuTokens } from './bleu-tokens.ts'
import { countGrams } from './grams.ts'

const highestOrder = 4

export interface BleuScore {
  /** 0 to 100. */
  readonly score: number
  /** Precisions of 1- to 4-grams, 0 to 100, smoothed. */
  readonly precisions: readonly number[]
  readonly brevityPenalty: number
  /** Tokens of all hypotheses, and of the reference nearest in length to each. */
  readonly hypothesisLength: number
  readonly referenceLength: number
}

/** What BLEU needs to know of one sentence; those of a corpus are added up. */
export interface BleuStatistics {
  readonly hypothesisLength: number
  readonly referenceLength: number
  /** Of 1- to 4-grams: how many occur in a reference, and how many there are. */
  readonly correct: readonly number[]
  readonly total: readonly number[]
}

/**
 * BLEU of a corpus (Papineni et al. 2002), equal to sacrebleu's default: up to 4-grams, exponential smoothing, case kept.
 *
 * @param hypotheses N texts
 * @param references for each of them one or several
 * @throws R1Error `bad-argument`
 */
export function bleu(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  tokenizer: BleuTokenizer = '13a',
): BleuScore {
  if (hypotheses.length !== references.length) {
    throw new R1Error(
      'bad-argument',
      `There are ${hypotheses.length} hypotheses but references for ${references.length}.`,
    )
  }
  return bleuOf(hypotheses.map((text, index) => bleuStatistics(text, references[index] ?? [], tokenizer)))
}

/** What one sentence adds to BLEU. @throws R1Error `bad-argument` for no reference */
export function bleuStatistics(
  hypothesis: string,
  references: string | readonly string[],
  tokenizer: BleuTokenizer = '13a',
): BleuStatistics {
  const tokens = bleuTokens(hypothesis, tokenizer)
  const others = [references].flat().map((text) => bleuTokens(text, tokenizer))
  if (others.length === 0) throw new R1Error('bad-argument', 'A hypothesis has no reference to be compared with.')
  const correct: number[] = []
  const total: number[] = []
  for (let order = 1; order <= highestOrder; order++) {
    const allowed = others.map((reference) => countGrams(reference, order))
    let shared = 0
    for (const [gram, count] of countGrams(tokens, order)) {
      shared += Math.min(count, Math.max(...allowed.map((counts) => counts.get(gram) ?? 0)))
    }
    correct.push(shared)
    total.push(Math.max(tokens.length - order + 1, 0))
  }
  const lengths = others.map(({ length }) => length)
  return { hypothesisLength: tokens.length, referenceLength: nearest(tokens.length, lengths), correct, total }
}

/** BLEU of sentences by their statistics. */
export function bleuOf(sentences: readonly BleuStatistics[]): BleuScore {
  const sum = (of: (sentence: BleuStatistics) => number) => sentences.reduce((all, sentence) => all + of(sentence), 0)
  const hypothesisLength = sum((sentence) => sentence.hypothesisLength)
  const referenceLength = sum((sentence) => sentence.referenceLength)
  const brevityPenalty = penalty(hypothesisLength, referenceLength)
  const orders = Array.from({ length: highestOrder }, (_, index) => ({
    correct: sum(({ correct }) => correct[index] ?? 0),
    total: sum(({ total }) => total[index] ?? 0),
  }))
  const precisions = smoothed(orders)
  const logarithm = precisions.reduce((all, precision) => all + Math.log(precision), 0) / highestOrder
  return { score: brevityPenalty * Math.exp(logarithm), precisions, brevityPenalty, hypothesisLength, referenceLength }
}

function penalty(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1
  return hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0
}

/** Each order without a match counts as half of the one before it (method 3 of Chen and Cherry 2014). */
function smoothed(orders: readonly { correct: number; total: number }[]): number[] {
  if (orders.every(({ correct }) => correct === 0)) return orders.map(() => 0)
  let halvings = 1
  return orders.map(({ correct, total }) => {
    if (total === 0) return 0
    if (correct > 0) return (100 * correct) / total
    halvings *= 2
    return 100 / (halvings * total)
  })
}

/** The length nearest to one, the shorter of two as near. */
function nearest(length: number, lengths: readonly number[]): number {
  return [...lengths].sort((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0] ?? 0
}
