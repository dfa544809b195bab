import type { DType } from '../dtype.ts'
import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator } from '../operator.ts'
import { hashMultipliers, streamWord } from '../random.ts'
import { elementCount, formatShape, type Shape } from '../shape.ts'
import { bitwiseAnd, bitwiseXor } from './bitwise.ts'
import { constant } from './constant.ts'
import { add, cast, cos, divide, less, log, multiply, negate, sqrt, where } from './elementwise.ts'
import { iota } from './indexing.ts'
import { reshape } from './shape.ts'
import { slice } from './slice.ts'
import { argMax } from './sort.ts'

/*
 * Random numbers inside a graph: element i of a draw is word i of the stream (seed, name), the same word as `randomWord`
 * gives in JavaScript. The hash of 32-bit words is computed in i64, where its products never overflow.
 */

const word = (value: number): Tensor => constant(value, { dtype: 'i64' })
/** `x >>> bits` of a word: words are not negative, so division rounds down. */
const shifted = (x: Tensor, bits: number): Tensor => divide(x, word(2 ** bits))
const multiplied = (x: Tensor, factor: number): Tensor => bitwiseAnd(multiply(x, word(factor)), word(0xffffffff))

/** `hash32` of every element. */
function hash(x: Tensor): Tensor {
  const [first, second] = hashMultipliers
  const a = multiplied(bitwiseXor(x, shifted(x, 16)), first)
  const b = multiplied(bitwiseXor(a, shifted(a, 15)), second)
  return bitwiseXor(b, shifted(b, 15))
}

const wordsOperator = defineOperator<{ readonly shape: Shape; readonly stream: string }>({
  name: 'randomWords',
  summary: 'Random 32-bit words by seed and place, computed from nothing else',
  constant: true,
  infer([seed], { shape }) {
    if (seed?.dtype !== 'i64' || seed.shape.length !== 0) throw dtypeViolation('the seed must be i64[]')
    return [{ dtype: 'i64', shape }]
  },
  composite([seed], { shape, stream }) {
    if (!seed) return []
    const masked = bitwiseAnd(seed, word(0xffffffff))
    const key = hash(bitwiseXor(hash(masked), word(streamWord(stream))))
    return [reshape(hash(bitwiseXor(hash(iota(elementCount(shape))), key)), shape)]
  },
})

/**
 * Random words in 0 … 2³² − 1 as i64.
 *
 * @param seed i64 scalar, its lower 32 bits; give another at each step, for example from a counter
 * @param stream name of the draw: equal names give equal words
 */
export function drawWords(seed: Tensor, shape: Shape, stream: string): Tensor {
  return applyOne(wordsOperator, [seed], { shape, stream })
}

/** The words as numbers in (0, 1), as `randomUniform` makes them. */
function uniformOf(words: Tensor, dtype: DType): Tensor {
  return multiply(add(cast(shifted(words, 9), dtype), 0.5), 2 ** -23)
}

/** Uniform in (0, 1), on a grid of 2⁻²³. @param seed as for `drawWords` */
export function drawUniform(seed: Tensor, shape: Shape, stream: string, dtype: 'f32' | 'f64' = 'f32'): Tensor {
  return uniformOf(drawWords(seed, shape, stream), dtype)
}

/** Standard normal numbers (Box & Muller 1958), two words each. @param seed as for `drawWords` */
export function drawNormal(seed: Tensor, shape: Shape, stream: string, dtype: 'f32' | 'f64' = 'f32'): Tensor {
  const pairs = drawUniform(seed, [...shape, 2], stream, dtype)
  const part = (index: number) => reshape(slice(pairs, { [-1]: { start: index, end: index + 1 } }), shape)
  const radius = sqrt(multiply(log(part(0)), -2))
  return multiply(radius, cos(multiply(part(1), 2 * Math.PI)))
}

/** True with the given probability. @param seed as for `drawWords` */
export function drawBernoulli(seed: Tensor, shape: Shape, probability: number, stream: string): Tensor {
  checked('drawBernoulli', [seed], () => {
    if (!(probability >= 0 && probability <= 1)) throw attributeViolation(`${probability} is no probability`)
  })
  return less(drawUniform(seed, shape, stream), probability)
}

/** Gumbel noise, −log(−log u): the place of the largest of logits with it is a sample of their softmax. @param seed as for `drawWords` */
export function drawGumbel(seed: Tensor, shape: Shape, stream: string): Tensor {
  return negate(log(negate(log(drawUniform(seed, shape, stream)))))
}

/**
 * A sample (i64) of the softmax of `logits` over the last axis, for every slice.
 *
 * @param logits f32 `[…, V]`
 * @param seed as for `drawWords`
 */
export function drawCategorical(logits: Tensor, seed: Tensor, stream: string): Tensor {
  return argMax(add(logits, drawGumbel(seed, logits.shape, stream)))
}

/**
 * `x` with elements set to zero at random and the others scaled so that the mean stays (Srivastava et al. 2014).
 *
 * @param rate probability of zero, in 0 … 1 (1 excluded)
 * @param seed as for `drawWords`
 * @param stream name of this dropout, such as that of its layer
 */
export function dropout(x: Tensor, rate: number, seed: Tensor, stream: string): Tensor {
  checked('dropout', [x], () => {
    if (!(rate >= 0 && rate < 1)) throw attributeViolation(`a rate of ${rate} on ${formatShape(x.shape)}`)
  })
  if (rate === 0) return x
  return where(drawBernoulli(seed, x.shape, 1 - rate, stream), multiply(x, 1 / (1 - rate)), 0)
}
