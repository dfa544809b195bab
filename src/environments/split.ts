import { createHash } from 'node:crypto'
import { R1Error } from '../errors.ts'
import type { Split } from './environment.ts'
import { type Uniform, uniforms } from './random.ts'

/** Share of all problems that are held out. */
const heldOutShare = 0.1

/** Which split a problem belongs to: its hash decides, whatever the seed, the order and the wording. */
export function splitOf(environment: string, key: string): Split {
  const hash = createHash('sha256').update(`${environment}\n${key}`).digest()
  return hash.readUInt32BE() / 2 ** 32 < heldOutShare ? 'held-out' : 'train'
}

/** A problem and its name. */
export interface Keyed {
  readonly key: string
}

/** So many draws in a row without a new problem mean that all have come. */
const mostRepeats = 20_000

/**
 * Draws problems of a split: those to learn from without end, those held out each once.
 *
 * @param draw makes a problem from random numbers; undefined where these make none
 * @throws R1Error `no-examples` where the split has none
 */
export function* problemsOf<Problem extends Keyed>(
  environment: string,
  split: Split,
  seed: number,
  draw: (random: Uniform) => Problem | undefined,
): Generator<Problem, void, void> {
  const random = uniforms(seed ^ (split === 'train' ? 0 : 0x5bd1e995))
  const seen = new Set<string>()
  let any = false
  for (let repeats = 0; repeats < mostRepeats; repeats++) {
    const problem = draw(random)
    if (problem === undefined || seen.has(problem.key) || splitOf(environment, problem.key) !== split) continue
    if (split === 'held-out') seen.add(problem.key)
    yield problem
    any = true
    repeats = 0
  }
  if (any) return
  throw new R1Error('no-examples', `${environment} has no ${split} problems with these options.`, {
    remedy: 'Allow more problems, such as larger numbers.',
  })
}
