import { open, readFile } from 'node:fs/promises'
import { fileFailure } from '../../checkpoint/failure.ts'
import type { Environment } from '../../environments/index.ts'
import { hash32, streamKey } from '../../tensor/index.ts'
import { type ProblemReader, problemsFrom, type TokenProblem } from './problems.ts'
import type { Sampler } from './sampler.ts'

export interface VerifiedOptions {
  /** How many problems are asked. */
  readonly problems: number
  /** Texts drawn for each. */
  readonly each: number
  /** Of these so many are kept at the most, each another text. */
  readonly keep: number
  /** Least reward of a text that is kept. */
  readonly threshold: number
  readonly temperature: number
  readonly maxNewTokens: number
}

/** A text that was found good. */
export interface VerifiedSample {
  /** Number of its problem. */
  readonly problem: number
  readonly prompt: readonly number[]
  /** With the token that ended it. */
  readonly completion: readonly number[]
  readonly reward: number
}

interface NumberedProblem extends TokenProblem {
  readonly number: number
}

/** Texts that are asked for at once, for each slot: while the longest are written, others fill the slots. */
const textsOfSlot = 8

/** A seed for one text of one problem. */
export const sampleSeed = (seed: number, problem: number, text: number): number =>
  hash32(streamKey(seed, `sample ${problem} ${text}`))

/** What an earlier run wrote, without its last problem: that one may have been cut. */
async function readSamples(path: string): Promise<VerifiedSample[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const samples = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as VerifiedSample)
  const last = samples.at(-1)?.problem
  return samples.filter(({ problem }) => problem !== last)
}

/**
 * Draws texts for the problems of an environment and keeps those that it rewards. What is kept lies in a file of JSON
 * lines; a run that was cut goes on behind the last problem that is whole there.
 *
 * @param path of the file
 * @param onProgress hears how many problems were asked and how many texts kept
 */
export async function drawVerified(
  path: string,
  { sampler, reader, environment }: { sampler: Sampler; reader: ProblemReader; environment: Environment },
  split: 'train' | 'held-out',
  seed: number,
  options: VerifiedOptions,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?(asked: number, kept: number): unknown } = {},
): Promise<readonly VerifiedSample[]> {
  const samples = await readSamples(path)
  let asked = (samples.at(-1)?.problem ?? -1) + 1
  const problems = await problemsFrom(environment, split, seed, asked)
  const together = Math.ceil((textsOfSlot * sampler.slots) / options.each)
  const file = await open(path, 'w').catch((error: unknown) => {
    throw fileFailure(path, error)
  })
  try {
    await file.write(samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''))
    while (asked < options.problems) {
      const group: NumberedProblem[] = []
      const before = asked
      while (asked < Math.min(before + together, options.problems)) {
        const { done, value } = await problems.next()
        if (done) break
        const problem = await reader.read(value)
        // One that leaves no room for an answer is passed over.
        if (problem.prompt.length < sampler.context) group.push({ ...problem, number: asked })
        asked++
      }
      if (asked === before) break
      const found = await drawGroup(group)
      samples.push(...found)
      await file.write(found.map((sample) => `${JSON.stringify(sample)}\n`).join(''))
      await onProgress?.(asked, samples.length)
    }
  } finally {
    await file.close()
  }
  return samples

  async function drawGroup(group: readonly NumberedProblem[]): Promise<VerifiedSample[]> {
    const { each, temperature, maxNewTokens } = options
    const requests = group.flatMap(({ prompt, number }) =>
      Array.from({ length: each }, (_, text) => ({
        prompt,
        maxNewTokens,
        temperature,
        seed: sampleSeed(seed, number, text),
      })),
    )
    const texts = await sampler.draw(requests, signal)
    const found: VerifiedSample[] = []
    for (const [at, problem] of group.entries()) {
      const kept = new Set<string>()
      for (const text of texts.slice(at * each, (at + 1) * each)) {
        if (kept.size === options.keep || kept.has(text.join())) continue
        const reward = await reader.rewardOf(environment, problem, text)
        if (reward === undefined || reward < options.threshold) continue
        kept.add(text.join())
        found.push({ problem: problem.number, prompt: [...problem.prompt], completion: [...text], reward })
      }
    }
    return found
  }
}
