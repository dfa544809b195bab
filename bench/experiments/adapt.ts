import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { bitsPerByte } from './measure.ts'
import { corpora, splitTexts, writeTexts } from './texts.ts'

const length = 128
const loop = `batch: 16, length: ${length}, saveEvery: 1000`
const domains = { 'PostgreSQL manual': corpora.postgresql, 'Chinese poetry': corpora.poetry }

/** Ways not to forget, by the shares of the domain's and the old texts and the hold on the weights. */
const ways: Readonly<Record<string, { readonly replay?: number; readonly held?: boolean }>> = {
  plain: {},
  EWC: { held: true },
  replay: { replay: 0.25 },
  'EWC and replay': { held: true, replay: 0.25 },
}

/** Beginnings of texts, so many characters in all. */
function sample(texts: readonly string[], characters = 15_000): string[] {
  const parts: string[] = []
  let left = characters
  for (const text of texts) {
    if (left <= 0) break
    const part = text.slice(0, Math.min(left, 1500))
    parts.push(part)
    left -= part.length
  }
  return parts
}

/** What is learnt of a domain, and what is forgotten meanwhile. */
export const adapt: Experiment = {
  name: 'adapt',
  title: 'adapt: a new domain, and what is forgotten',
  description: `A model of bytes with 0.43 M parameters learns Debian's Python manual (300 steps of 2,048 bytes) and then a domain (80 steps):
Debian's PostgreSQL manual, or Chinese lyrics of the Song dynasty. EWC holds the weights that matter to the old texts
(λ 3,000, 128 rows); with replay a quarter of what is read are old texts. Measured in bits a byte, lower is better, on 15,000
characters of documents of each that were never trained on.`,
  columns: { domain: { title: 'domain', digits: 3 }, general: { title: 'Python manual', digits: 3 } },
  arms: Object.keys(domains).flatMap((domain) => ['before', ...Object.keys(ways)].map((way) => `${domain}: ${way}`)),
  pairs: Object.keys(domains).flatMap((domain) => [
    [`${domain}: plain`, `${domain}: before`] as const,
    ...Object.keys(ways)
      .slice(1)
      .map((way) => [`${domain}: ${way}`, `${domain}: plain`] as const),
  ]),
  async *run(setting) {
    const { folder, threads } = setting
    const old = splitTexts(corpora.python, 4000)
    const general = writeTexts(folder, 'python.jsonl', old.train)
    const base = lastCheckpoint(
      await runStages(
        setting,
        'base',
        `model: { family: r1, layers: 2, hidden: 128, positions: ${length} }
stages:
  - pretrain: { data: { files: ${general}, heldOut: 0.02 }, steps: 300, rate: 3e-3, ${loop} }
`,
      ),
    )
    const bits = (checkpoint: string, texts: readonly string[]) =>
      bitsPerByte(checkpoint, sample(texts), { length, threads })
    const before = await bits(base, old.heldOut)
    for (const [domain, corpus] of Object.entries(domains)) {
      const { train, heldOut } = splitTexts(corpus, 4000)
      const name = domain.toLowerCase().replaceAll(' ', '-')
      const files = writeTexts(folder, `${name}.jsonl`, train)
      yield [`${domain}: before`, { domain: await bits(base, heldOut), general: before }]
      for (const [way, { replay = 0, held = false }] of Object.entries(ways)) {
        const again = replay > 0 ? `, { files: ${general}, share: ${replay} }` : ''
        const consolidation = held ? `, consolidation: { strength: 3000, rows: 128, data: { files: ${general} } }` : ''
        const results = await runStages(
          setting,
          `${name}-${way.replaceAll(' ', '-')}`,
          `model: { from: ${base} }
stages:
  - adapt: { domains: [{ files: ${files}, heldOut: 0.02, share: ${1 - replay} }${again}], steps: 80, rate: 1e-3, ${loop}${consolidation} }
`,
        )
        const checkpoint = lastCheckpoint(results)
        yield [
          `${domain}: ${way}`,
          { domain: await bits(checkpoint, heldOut), general: await bits(checkpoint, old.heldOut) },
        ]
      }
    }
  },
}
