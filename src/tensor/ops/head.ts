import { isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { logSumExp } from './reduction.ts'
import { topK } from './sort.ts'

const logitSummaryOperator = defineOperator<{ readonly count: number }>({
  name: 'logitSummary',
  summary: 'The largest logits of each row with their tokens, and log-sum-exp: what drawing the next token needs',
  constant: true,
  infer([logits], { count }) {
    if (!logits || !isFloating(logits.dtype)) throw dtypeViolation('logits must be floating')
    const vocabulary = logits.shape.at(-1)
    if (!(Number.isInteger(count) && count >= 1 && count <= Number(vocabulary))) {
      throw attributeViolation(`${count} is no number of tokens in a vocabulary of ${vocabulary}`)
    }
    const rows = logits.shape.slice(0, -1)
    return [
      { dtype: logits.dtype, shape: [...rows, count] },
      { dtype: 'i64', shape: [...rows, count] },
      { dtype: logits.dtype, shape: rows },
    ]
  },
  composite([logits], { count }) {
    if (!logits) return []
    const { values, indices } = topK(logits, count)
    return [values, indices, logSumExp(logits, { axes: [-1] })]
  },
  kernel: {
    operator: 'LogitSummary',
    supports: ([logits]) => logits?.dtype === 'f32',
    lower: (emitter, { inputs, outputTypes, attributes: { count } }) =>
      emitter.node('LogitSummary', inputs, { k: count }, { domain: 'r1', types: outputTypes, outputs: 3 }),
  },
})

/** What drawing the next token needs of rows of logits. */
export interface LogitSummary {
  /** `[…, k]`, the largest first; of equals the one in front. */
  readonly values: Tensor
  /** i64 `[…, k]` */
  readonly tokens: Tensor
  /** `[…]`: a logit less this is the token's log-probability. */
  readonly logSumExp: Tensor
}

/**
 * The k largest logits of each row with their tokens, and log-sum-exp over all.
 *
 * @param logits `[…, V]`
 * @param count k, at most V
 */
export function logitSummary(logits: Tensor, count: number): LogitSummary {
  const [values, tokens, normalizer] = apply(logitSummaryOperator, [logits], { count }) as readonly [
    Tensor,
    Tensor,
    Tensor,
  ]
  return { values, tokens, logSumExp: normalizer }
}
