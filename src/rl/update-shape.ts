import type { Model } from '../models/index.ts'
import { Scope } from '../nn/index.ts'
import { targetOf } from '../runtime/program.ts'
import { trace } from '../tensor/index.ts'
import { loweringOf } from '../tensor/passes/expand.ts'
import type { BatchShape } from './experience.ts'

/** Completions that rows have room for, at most. */
const mostInRow = 4

/**
 * The shape of an update's batches: no more tokens than `rows` rows of one completion each, in fewer and longer rows. Several
 * completions fill such a row better, since few have the full length.
 *
 * @param context tokens of the longest completion with its prompt
 * @param pairs whether the model holds a number for each two tokens of a row (`holdsPairs`): then a row holds one completion
 */
export function updateShape(rows: number, context: number, pairs: boolean): BatchShape {
  const count = Math.ceil(rows / (pairs ? 1 : mostInRow))
  return { rows: count, length: Math.floor(rows / count) * context }
}

/** Whether an update's memory grows with the square of a row's length: with the scores of an attention that has no kernel. */
export function holdsPairs(model: Model): boolean {
  const row = { dtype: 'i64', shape: ['rows', 'length'] } as const
  const { graph } = trace((inputs) => model.forward(new Scope(), inputs, { length: model.positions }).hidden, {
    ids: row,
    positions: row,
    segments: row,
  } as const)
  const target = targetOf({})
  return graph.nodes.some((node) => node.operator.name === 'attention' && loweringOf(node, target) !== 'kernel')
}
