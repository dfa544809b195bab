import type { Document } from '../document.ts'
import { type Profile, ProfileScanner } from './profile.ts'
import type { Stage } from './stage.ts'

/** What one stage did. */
export interface StageReport {
  readonly name: string
  readonly seen: number
  /** Documents dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Characters of the dropped documents, in UTF-16 units. */
  readonly droppedCharacters: number
  /** Ids of the first dropped documents, by reason. */
  readonly examples: Readonly<Record<string, readonly string[]>>
  /** Documents that the stage made beyond those it was given. */
  readonly added: number
}

export interface CleaningReport {
  readonly documents: number
  /** In UTF-16 units. */
  readonly characters: number
  readonly keptDocuments: number
  readonly keptCharacters: number
  readonly stages: readonly StageReport[]
}

interface Tally {
  seen: number
  dropped: Map<string, { count: number; examples: string[] }>
  droppedCharacters: number
  added: number
}

const shownExamples = 3

/**
 * Passes documents through stages, in order, and counts what each one drops and why. Memory is bounded by the stages: one
 * document at a time is under way.
 *
 * @example
 * const cleaner = new Cleaner([length(), language(['en', 'zh']), exactDuplicates(), nearDuplicates()])
 * for await (const document of cleaner.run(await openDocuments('corpus/*.jsonl'))) …
 * cleaner.report()
 */
export class Cleaner {
  private readonly stages: readonly Stage[]
  private readonly tallies: readonly Tally[]
  private readonly scanner = new ProfileScanner()
  private documents = 0
  private characters = 0
  private keptDocuments = 0
  private keptCharacters = 0

  constructor(stages: readonly Stage[]) {
    this.stages = stages
    this.tallies = stages.map(() => ({ seen: 0, dropped: new Map(), droppedCharacters: 0, added: 0 }))
  }

  /** The documents that are kept. */
  async *run(documents: AsyncIterable<Document>): AsyncGenerator<Document, void, void> {
    for await (const document of documents) {
      this.documents += 1
      this.characters += document.text.length
      yield* this.pass(document, 0)
    }
  }

  /** Counts of all that went through so far. */
  report(): CleaningReport {
    return {
      documents: this.documents,
      characters: this.characters,
      keptDocuments: this.keptDocuments,
      keptCharacters: this.keptCharacters,
      stages: this.tallies.map(({ seen, dropped, droppedCharacters, added }, index) => ({
        name: this.stages[index]?.name ?? '',
        seen,
        dropped: Object.fromEntries([...dropped].map(([reason, { count }]) => [reason, count])),
        droppedCharacters,
        examples: Object.fromEntries([...dropped].map(([reason, { examples }]) => [reason, [...examples]])),
        added,
      })),
    }
  }

  private *pass(document: Document, from: number): Generator<Document, void, void> {
    let profile: Profile | undefined
    for (let index = from; index < this.stages.length; index++) {
      const stage = this.stages[index] as Stage
      const tally = this.tallies[index] as Tally
      tally.seen += 1
      if ('expand' in stage) {
        const made = stage.expand(document)
        tally.added += made.length - 1
        for (const each of made) yield* this.pass(each, index + 1)
        return
      }
      profile ??= this.scanner.scan(document.text)
      const reason = stage.judge(document, profile)
      if (reason === undefined) continue
      countDropped(tally, reason, document)
      return
    }
    this.keptDocuments += 1
    this.keptCharacters += document.text.length
    yield document
  }
}

function countDropped(tally: Tally, reason: string, { id, text }: Document): void {
  const entry = tally.dropped.get(reason) ?? { count: 0, examples: [] }
  entry.count += 1
  if (entry.examples.length < shownExamples) entry.examples.push(id)
  tally.dropped.set(reason, entry)
  tally.droppedCharacters += text.length
}
