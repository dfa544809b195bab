import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { R1Error } from '../../errors.ts'
import { formatBytes } from '../sizes.ts'
import type { Benchmark } from './benchmark.ts'
import type { Planted } from './data-corpus.ts'

interface DataOptions {
  /** MB (10⁶ bytes). */
  readonly size: string
  readonly from: string
  readonly seed: string
}

export interface DataResult {
  readonly megabytes: number
  readonly documents: number
  readonly seconds: number
  /** Processor time of the same, of all threads. */
  readonly processorSeconds: number
  /** Of JSONL read, cleaned and deduplicated. */
  readonly megabytesPerSecond: number
  /** Resident memory in MB before the first document, and at most. */
  readonly memoryBefore: number
  readonly memoryPeak: number
  readonly planted: Readonly<Record<Planted, { readonly planted: number; readonly found: number }>>
  /** Clean documents, and those of them that were dropped all the same. */
  readonly clean: number
  readonly cleanDropped: number
  readonly report: CleaningReport
}

type CleaningReport = import('../../data/index.ts').CleaningReport

/** Makes a corpus with duplicates and noise in known number, and cleans it. */
export async function measureData(
  options: { megabytes: number; from: readonly string[]; seed: number },
  { signal, progress }: { signal?: AbortSignal; progress(message: string): void },
): Promise<DataResult> {
  const [data, { makeCorpus, makeEvaluation, plantedKinds, sentencesOf }, { mkdtemp, rm }, { tmpdir }, { join }] =
    await Promise.all([
      import('../../data/index.ts'),
      import('./data-corpus.ts'),
      import('node:fs/promises'),
      import('node:os'),
      import('node:path'),
    ])
  const folder = await mkdtemp(join(tmpdir(), 'r1-bench-data-'))
  try {
    const path = join(folder, 'corpus.jsonl')
    progress('reading the texts')
    const texts: string[] = []
    for await (const { text } of await data.openDocuments(options.from)) texts.push(text)
    const sentences = sentencesOf(texts)
    texts.length = 0
    const evaluation = makeEvaluation(sentences, 200, options.seed)
    progress(`making ${options.megabytes} MB`)
    const bytes = options.megabytes * 1e6
    const made = await makeCorpus(path, bytes, { sentences, evaluation, seed: options.seed }, signal)
    sentences.length = 0

    const cleaner = new data.Cleaner([
      data.length(),
      data.symbols(),
      data.language(['en', 'zh']),
      data.repetition(),
      data.exactDuplicates(),
      data.nearDuplicates({ seed: options.seed }),
      data.decontaminate(evaluation),
    ])
    const kept = new Map<unknown, number>()
    const memoryBefore = residentMb()
    let memoryPeak = memoryBefore
    let documents = 0
    let characters = 0
    const started = performance.now()
    const processorBefore = process.cpuUsage()
    for await (const { fields, text } of cleaner.run(await data.openDocuments(path))) {
      kept.set(fields.planted, (kept.get(fields.planted) ?? 0) + 1)
      documents += 1
      characters += text.length
      if (documents % 2000 !== 0) continue
      signal?.throwIfAborted()
      memoryPeak = Math.max(memoryPeak, residentMb())
      progress(`cleaning: ${formatBytes(characters)} kept`)
    }
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(processorBefore)
    const found = (kind: Planted) => ({
      planted: made.planted[kind],
      found: made.planted[kind] - (kept.get(kind) ?? 0),
    })
    const clean = made.documents - plantedKinds.reduce((sum, kind) => sum + made.planted[kind], 0)
    return {
      megabytes: made.bytes / 1e6,
      documents: made.documents,
      seconds,
      processorSeconds: (user + system) / 1e6,
      megabytesPerSecond: made.bytes / 1e6 / seconds,
      memoryBefore,
      memoryPeak: Math.max(memoryPeak, residentMb()),
      planted: Object.fromEntries(plantedKinds.map((kind) => [kind, found(kind)])) as DataResult['planted'],
      clean,
      cleanDropped: clean - (kept.get(null) ?? 0),
      report: cleaner.report(),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function residentMb(): number {
  return process.memoryUsage.rss() / 1e6
}

const fetched = '.cache/debian-docs/documents.jsonl'

/** @throws R1Error `bad-option`, `file-not-found` */
function checked({ size, from, seed }: DataOptions): { megabytes: number; from: string[]; seed: number } {
  const megabytes = Number(size)
  if (!(megabytes > 0)) throw new R1Error('bad-option', `--size is a number of MB, not "${size}".`)
  if (!Number.isSafeInteger(Number(seed))) throw new R1Error('bad-option', `--seed is a whole number, not "${seed}".`)
  if (from === fetched && !existsSync(fetched)) {
    throw new R1Error('file-not-found', 'There is no text to make documents of.', {
      remedy: 'Run npm run fetch:debian-docs in the repository, or name some with --from.',
    })
  }
  return { megabytes, from: from.split(','), seed: Number(seed) }
}

/** `r1 bench data` */
export const data: Benchmark<DataOptions & Record<string, string>, DataResult> = {
  name: 'data',
  summary: 'Cleaning and deduplication of text, in MB/s, with duplicates planted in known number.',
  options: [
    new Option('--size <mb>', 'MB of text to make').default('1000'),
    new Option('--from <places>', 'files, folders or patterns of text that it is made of, by commas').default(
      fetched,
      'what `npm run fetch:debian-docs` fetched',
    ),
    new Option('--seed <n>', 'of what is made').default('0'),
  ],
  run: (options, context) => measureData(checked(options), context),
  format: (result) =>
    [
      `${result.documents} documents, ${result.megabytes.toFixed(0)} MB in ${result.seconds.toFixed(1)} s: ${result.megabytesPerSecond.toFixed(1)} MB/s (processor: ${result.processorSeconds.toFixed(1)} s)`,
      `memory ${result.memoryPeak.toFixed(0)} MB at most, ${result.memoryBefore.toFixed(0)} MB before`,
      ...Object.entries(result.planted).map(
        ([kind, { planted, found }]) => `${kind.padEnd(13)} ${found} of ${planted} found`,
      ),
      `${'clean'.padEnd(13)} ${result.cleanDropped} of ${result.clean} dropped`,
    ].join('\n'),
}
