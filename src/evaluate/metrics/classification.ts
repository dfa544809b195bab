import { R1Error } from '../../errors.ts'
import { harmonicMean } from './grams.ts'

export interface ClassScore {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** Examples that truly are of this class. */
  readonly support: number
}

export interface ClassificationScore {
  readonly accuracy: number
  /** Mean F1 of all classes that occur among truths or predictions. */
  readonly macroF1: number
  readonly classes: ReadonlyMap<string, ClassScore>
}

/** Accuracy and F1 of predicted classes. @throws R1Error `bad-argument` for lists of unlike length, or empty ones */
export function classification(predictions: readonly string[], truths: readonly string[]): ClassificationScore {
  if (predictions.length !== truths.length || truths.length === 0) {
    throw new R1Error('bad-argument', `There are ${predictions.length} predictions for ${truths.length} examples.`)
  }
  const predicted = tally(predictions)
  const actual = tally(truths)
  const hits = tally(truths.filter((truth, index) => truth === predictions[index]))
  const classes = new Map<string, ClassScore>()
  for (const name of new Set([...actual.keys(), ...predicted.keys()])) {
    const right = hits.get(name) ?? 0
    const support = actual.get(name) ?? 0
    const precision = right / Math.max(predicted.get(name) ?? 0, 1)
    const recall = right / Math.max(support, 1)
    classes.set(name, { precision, recall, f1: harmonicMean(precision, recall), support })
  }
  const sum = (values: Iterable<number>) => [...values].reduce((left, right) => left + right, 0)
  return {
    accuracy: sum(hits.values()) / truths.length,
    macroF1: sum([...classes.values()].map(({ f1 }) => f1)) / classes.size,
    classes,
  }
}

function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
