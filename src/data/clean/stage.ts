import type { Document } from '../document.ts'
import type { Profile } from './profile.ts'

/** A stage that keeps or drops. */
export interface Filter {
  readonly name: string
  /** @returns why the document is dropped, in a few words that many documents share; undefined where it is kept */
  judge(document: Document, profile: Profile): string | undefined
}

/** A stage that makes documents: those it returns go on, the given one only if it is among them. */
export interface Augmentation {
  readonly name: string
  expand(document: Document): readonly Document[]
}

export type Stage = Filter | Augmentation
