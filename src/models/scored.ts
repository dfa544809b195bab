import { R1Error } from '../errors.ts'
import { Scope } from '../nn/index.ts'
import { input, normal, type Tensor } from '../tensor/index.ts'
import type { Model } from './model.ts'

const suffix = 'ForSequenceClassification'

/** The matrix `[labels, D]` that turns a hidden state into scores, under Hugging Face's name. */
export function scoreWeight(scope: Scope, width: number, labels = 1): Tensor {
  return scope.parameter('score.weight', [labels, width], normal(1 / Math.sqrt(width)))
}

/** How many scores a classifier's config.json speaks of; undefined where it is no classifier. */
export function labelsOf({ architectures, id2label }: Readonly<Record<string, unknown>>): number | undefined {
  const [name] = Array.isArray(architectures) ? architectures : []
  if (typeof name !== 'string' || !name.endsWith(suffix)) return undefined
  // Hugging Face's number where nothing is said.
  return typeof id2label === 'object' && id2label !== null ? Object.keys(id2label).length : 2
}

/**
 * A decoder whose last token is scored instead of continued: a reward model has one label. Saved, it is what Hugging Face
 * calls a sequence classifier.
 */
export function scoredModel(model: Model, labels = 1): Model {
  const [name = ''] = model.config.architectures as readonly string[]
  const stem = name.replace(/For[A-Za-z]+$/, '')
  const names =
    labels === 1 ? { 0: 'reward' } : Object.fromEntries(Array.from({ length: labels }, (_, at) => [at, `LABEL_${at}`]))
  return {
    ...model,
    config: { id2label: names, ...model.config, architectures: [`${stem}${suffix}`] },
    hasHead: false,
    head() {
      throw new R1Error('no-head', `This ${model.modelType} model scores texts and cannot continue them.`, {
        remedy: 'Use the checkpoint it was trained from.',
      })
    },
    parameters(options) {
      const scope = new Scope(options)
      const tokens = { dtype: 'i64', shape: [1, 1] } as const
      model.forward(scope, { ids: input('ids', tokens), positions: input('positions', tokens) })
      scoreWeight(scope, model.width, labels)
      return scope.parameters
    },
  }
}
