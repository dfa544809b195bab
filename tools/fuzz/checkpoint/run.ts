import { R1Error } from '../../../src/errors.ts'
import { mutate } from './mutate.ts'
import { mutateJson } from './mutate-json.ts'
import { Random } from './random.ts'
import type { FuzzTarget } from './target.ts'

/** What one damaged file did. */
export interface CaseOutcome {
  readonly target: string
  /** `read`, or the code of the error of this package. */
  readonly result: string
  /** An error that is none of this package's, or undefined. */
  readonly failure: unknown
  readonly milliseconds: number
  /** Bytes by which V8's heap and array buffers grew while it was read. */
  readonly allocated: number
}

function bytesInUse(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Which target a case belongs to: fixed by its number, in the proportion of the weights. */
export function targetOf(targets: readonly FuzzTarget[], random: Random): FuzzTarget {
  const total = targets.reduce((sum, target) => sum + (target.weight ?? 1), 0)
  let place = (random.next() / 2 ** 32) * total
  for (const target of targets) {
    place -= target.weight ?? 1
    if (place < 0) return target
  }
  return targets[0] as FuzzTarget
}

function damagedFile({ seeds, repair, json }: FuzzTarget, random: Random): Uint8Array {
  if (json && random.below(2) === 0) return new Uint8Array(mutateJson(random.pick(seeds), random))
  return new Uint8Array(mutate(random.pick(seeds), random.pick(seeds), random, repair))
}

/** Damages a file and has it read. The same seed and number give the same case. */
export async function runCase(targets: readonly FuzzTarget[], seed: number, number: number): Promise<CaseOutcome> {
  const random = new Random(seed, number)
  const target = targetOf(targets, random)
  const bytes = damagedFile(target, random)
  const before = bytesInUse()
  const start = performance.now()
  const error: unknown = await Promise.resolve()
    .then(() => target.run(bytes))
    .then(
      () => undefined,
      (thrown: unknown) => thrown ?? new Error('nothing was thrown'),
    )
  const milliseconds = performance.now() - start
  const known = R1Error.isInstance(error)
  return {
    target: target.name,
    result: error === undefined ? 'read' : known ? error.code : 'FAILED',
    failure: known ? undefined : error,
    milliseconds,
    allocated: Math.max(0, bytesInUse() - before),
  }
}
