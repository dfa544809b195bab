import { Cleaner, type CleaningReport } from '../clean/pipeline.ts'
import { type Profile, ProfileScanner } from '../clean/profile.ts'
import type { Stage } from '../clean/stage.ts'
import type { Document } from '../document.ts'
import { Random } from '../random.ts'
import { collect } from './collect.ts'

/** Documents with these texts; ids are `t:1`, `t:2` … */
export function documentsOf(texts: readonly string[]): Document[] {
  return texts.map((text, index) => ({ id: `t:${index + 1}`, source: 't', fields: {}, text }))
}

export function profileOf(text: string): Profile {
  return new ProfileScanner().scan(text)
}

/** Texts that stages keep, and their report. */
export async function clean(
  stages: readonly Stage[],
  texts: readonly string[],
): Promise<{ kept: string[]; report: CleaningReport }> {
  const cleaner = new Cleaner(stages)
  async function* source(): AsyncGenerator<Document> {
    yield* documentsOf(texts)
  }
  const kept = await collect(cleaner.run(source()))
  return { kept: kept.map(({ text }) => text), report: cleaner.report() }
}

/** Random words, drawn from many: two such texts share no run of words. */
export function randomWords(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => random.below(1e6).toString(36))
}

export function randomText(seed: number, count: number): string {
  return randomWords(new Random(seed, 'text'), count).join(' ')
}
