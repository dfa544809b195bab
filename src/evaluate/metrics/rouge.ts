import { countGrams, harmonicMean, sharedCount } from './grams.ts'

export interface RougeScore {
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

export interface RougeScores {
  readonly rouge1: RougeScore
  readonly rouge2: RougeScore
  readonly rougeL: RougeScore
}

/**
 * ROUGE-1, -2 and -L of one text (Lin 2004), 0 to 1: equal to the package rouge-score without its stemmer.
 *
 * @param reference with several, each score is that of the reference with the highest F1
 * @param split the tokens of a text; default {@link rougeTokens}
 */
export function rouge(
  prediction: string,
  reference: string | readonly string[],
  split: (text: string) => readonly string[] = rougeTokens,
): RougeScores {
  const tokens = split(prediction)
  const scores = [reference].flat().map((text) => scoresOf(tokens, split(text)))
  const best = (of: (score: RougeScores) => RougeScore) =>
    scores.map(of).reduce((best, score) => (score.f1 > best.f1 ? score : best), scores[0] ? of(scores[0]) : nothing)
  return {
    rouge1: best(({ rouge1 }) => rouge1),
    rouge2: best(({ rouge2 }) => rouge2),
    rougeL: best(({ rougeL }) => rougeL),
  }
}

const nothing: RougeScore = { precision: 0, recall: 0, f1: 0 }

/** Runs of a-z and 0-9 in lower case, as rouge-score splits; Chinese gives none. */
export function rougeTokens(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? []
}

/** {@link rougeTokens}, and each Chinese character as a token of its own. */
export function rougeTokensChinese(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+|\p{Script=Han}/gu) ?? []
}

function scoresOf(prediction: readonly string[], reference: readonly string[]): RougeScores {
  return {
    rouge1: gramScore(prediction, reference, 1),
    rouge2: gramScore(prediction, reference, 2),
    rougeL: score(commonSubsequence(prediction, reference), prediction.length, reference.length),
  }
}

function gramScore(prediction: readonly string[], reference: readonly string[], order: number): RougeScore {
  const grams = ({ length }: readonly string[]) => Math.max(length - order + 1, 0)
  const shared = sharedCount(countGrams(prediction, order), countGrams(reference, order))
  return score(shared, grams(prediction), grams(reference))
}

function score(shared: number, predicted: number, expected: number): RougeScore {
  const precision = shared / Math.max(predicted, 1)
  const recall = shared / Math.max(expected, 1)
  return { precision, recall, f1: harmonicMean(precision, recall) }
}

/** Length of the longest common subsequence, row by row. */
function commonSubsequence(left: readonly string[], right: readonly string[]): number {
  let above = new Uint32Array(right.length + 1)
  let row = new Uint32Array(right.length + 1)
  for (const token of left) {
    for (let index = 0; index < right.length; index++) {
      row[index + 1] =
        right[index] === token
          ? (above[index] as number) + 1
          : Math.max(above[index + 1] as number, row[index] as number)
    }
    ;[above, row] = [row, above]
  }
  return above[right.length] as number
}
