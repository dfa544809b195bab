import { expect } from 'vitest'
import type { Environment, Example } from '../environment.ts'
import { score } from '../score.ts'
import { splitOf } from '../split.ts'

/** The first items. */
export async function take<T>(count: number, items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) {
    if (taken.length === count) break
    taken.push(item)
  }
  return taken
}

/**
 * What every environment promises: the same problems for the same seed, no problem in both splits, no held-out problem
 * twice, and traces in the examples' order that get the full reward.
 *
 * @param name by which problems are held out: the environment's own, or that of another with the same problems
 */
export async function expectConsistent(
  environment: Environment,
  count: number,
  { name }: { readonly name: string } = environment,
): Promise<void> {
  for (const split of ['train', 'held-out'] as const) {
    const examples = await take(count, environment.examples(split, 7))
    expect(await take(count, environment.examples(split, 7))).toEqual(examples)
    expect(examples.map(({ key }) => splitOf(name, key ?? ''))).toEqual(examples.map(() => split))
    if (split === 'held-out') expect(new Set(examples.map(({ key }) => key)).size).toBe(examples.length)
    const traces = await take(count, environment.traces?.(split, 7) ?? [])
    expect(traces.length).toBe(examples.length)
    for (const [index, { prompt, completion }] of traces.entries()) {
      const example = examples[index] as Example
      expect(prompt).toEqual(example.prompt)
      const { reward, failure } = await score(environment, { prompt, completion, tokens: [], example })
      expect({ completion, reward, failure }).toEqual({ completion, reward: 1, failure: undefined })
    }
  }
}
