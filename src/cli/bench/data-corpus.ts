import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { Random } from '../../data/index.ts'
import { R1Error } from '../../errors.ts'

/** What is planted in the made corpus beside clean documents. */
export const plantedKinds = ['exact', 'near', 'short', 'symbols', 'repeated', 'foreign', 'contaminated'] as const
export type Planted = (typeof plantedKinds)[number]

/** Of a hundred documents so many are of a kind; the rest are clean. */
const shares: Readonly<Record<Planted, number>> = {
  exact: 3,
  near: 3,
  short: 1,
  symbols: 1,
  repeated: 1,
  foreign: 1,
  contaminated: 1,
}
/** Share of the words that a near duplicate changes: of the runs of five words then nine in ten are shared. */
const nearChange = 0.01
/** Clean documents that duplicates are made of. */
const remembered = 2000

export interface MadeCorpus {
  readonly bytes: number
  readonly documents: number
  readonly planted: Readonly<Record<Planted, number>>
}

/** Sentences of texts, each once: the stuff that documents are made of. */
export function sentencesOf(texts: Iterable<string>): string[] {
  const sentences = new Set<string>()
  for (const text of texts) {
    for (const line of text.split('\n')) {
      for (const sentence of line.split(/(?<=[.!?])\s+(?=\p{Lu})/u)) {
        const trimmed = sentence.trim()
        if (trimmed.length < 400 && (trimmed.match(/\p{L}{2,}/gu)?.length ?? 0) >= 6) sentences.add(trimmed)
      }
    }
  }
  return [...sentences]
}

/**
 * Writes a corpus as JSONL: documents of random sentences, some duplicates and some noise in known number. The field
 * `planted` says what a line is, for the count at the end; nothing else reads it.
 *
 * @param evaluation texts of which contaminated documents hold one
 * @throws R1Error `bad-data` for too few sentences
 */
export async function makeCorpus(
  path: string,
  bytes: number,
  { sentences, evaluation, seed }: { sentences: readonly string[]; evaluation: readonly string[]; seed: number },
  signal?: AbortSignal,
): Promise<MadeCorpus> {
  if (sentences.length < 1000) {
    throw new R1Error(
      'bad-data',
      `The texts hold ${sentences.length} sentences; documents are made of a thousand at least.`,
      {
        remedy: 'Give more text.',
      },
    )
  }
  const random = new Random(seed, 'corpus')
  const maker = new DocumentMaker(sentences, evaluation, random)
  const planted = Object.fromEntries(plantedKinds.map((kind) => [kind, 0])) as Record<Planted, number>
  const file = createWriteStream(path)
  let written = 0
  let documents = 0
  let pending = ''
  while (written < bytes) {
    signal?.throwIfAborted()
    const kind = drawKind(random, documents)
    if (kind) planted[kind] += 1
    const line = `${JSON.stringify({ text: maker.make(kind), planted: kind ?? null })}\n`
    pending += line
    documents += 1
    if (pending.length < 1 << 20 && written + pending.length < bytes) continue
    written += Buffer.byteLength(pending)
    if (!file.write(pending)) await once(file, 'drain')
    pending = ''
  }
  file.end()
  await finished(file)
  return { bytes: written, documents, planted }
}

function drawKind(random: Random, documents: number): Planted | undefined {
  let ticket = random.below(100)
  for (const kind of plantedKinds) {
    ticket -= shares[kind]
    // Duplicates need something to repeat.
    if (ticket < 0) return documents > 0 ? kind : undefined
  }
  return undefined
}

class DocumentMaker {
  private readonly sentences: readonly string[]
  private readonly evaluation: readonly string[]
  private readonly random: Random
  private readonly originals: string[] = []

  constructor(sentences: readonly string[], evaluation: readonly string[], random: Random) {
    this.sentences = sentences
    this.evaluation = evaluation
    this.random = random
  }

  make(kind: Planted | undefined): string {
    switch (kind) {
      case undefined:
        return this.remember(this.clean())
      case 'exact':
        return this.random.pick(this.originals)
      case 'near':
        return this.nearly(this.random.pick(this.originals))
      case 'short':
        return this.random.pick(this.sentences).split(' ').slice(0, 5).join(' ')
      case 'symbols':
        return Array.from({ length: 400 }, () => this.random.pick('|#*<>{}[]~^=+/\\%$@&_ 0123456789 ab')).join('')
      case 'repeated':
        return `${this.random.pick(this.sentences)}\n`.repeat(12 + this.random.below(30))
      case 'foreign':
        return this.clean().replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 97 + 0x430))
      case 'contaminated':
        return `${this.clean()}\n${this.random.pick(this.evaluation)}\n${this.clean()}`
    }
  }

  /** Ten to forty random sentences in paragraphs. */
  private clean(): string {
    const count = 10 + this.random.below(31)
    let text = this.random.pick(this.sentences)
    for (let index = 1; index < count; index++) {
      text += (this.random.below(5) === 0 ? '\n\n' : ' ') + this.random.pick(this.sentences)
    }
    return text
  }

  private remember(text: string): string {
    if (this.originals.length < remembered) this.originals.push(text)
    else this.originals[this.random.below(remembered)] = text
    return text
  }

  private nearly(text: string): string {
    const words = text.split(' ')
    const changes = Math.max(1, Math.round(nearChange * words.length))
    for (let change = 0; change < changes; change++) {
      words[this.random.below(words.length)] = this.random.pick(this.random.pick(this.sentences).split(' '))
    }
    return words.join(' ')
  }
}

/** Questions that occur nowhere else: random words in a row. */
export function makeEvaluation(sentences: readonly string[], count: number, seed: number): string[] {
  const random = new Random(seed, 'evaluation')
  const word = () => random.pick(random.pick(sentences).split(' '))
  return Array.from({ length: count }, () => Array.from({ length: 24 }, word).join(' '))
}
