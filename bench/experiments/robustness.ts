import { Random } from '../../src/data/index.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { writeLines } from './letters.ts'
import { accuracy } from './measure.ts'
import { corpora, splitTexts } from './texts.ts'

const classes = { p: corpora.python, q: corpora.postgresql, g: corpora.git, s: corpora.sqlite }
const noises = [0, 0.05, 0.1, 0.2]
const characters = 48

const arms = {
  plain: '',
  'FGM, ε 2': ', adversarial: { method: fgm, epsilon: 2 }',
  'PGD, ε 2': ', adversarial: { method: pgd, epsilon: 2, steps: 2, stepLength: 1 }',
}

/** Each character is replaced by a letter, doubled, left out or exchanged with the next one, with a probability. */
function disturb(text: string, share: number, random: Random): string {
  const letters = [...text]
  const noisy: string[] = []
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] as string
    if (random.uniform() >= share) noisy.push(letter)
    else {
      const kind = Math.floor(random.uniform() * 4)
      if (kind === 0) noisy.push(String.fromCharCode(97 + (random.word() % 26)))
      else if (kind === 1) noisy.push(letter, letter)
      else if (kind === 2) noisy.push(letters[++at] ?? '', letter)
    }
  }
  return noisy.join('').slice(0, characters + 8)
}

/** Pieces of documents, in an order that the seed decides. */
function* pieces(texts: readonly string[], random: Random): Generator<string, void, void> {
  for (;;) {
    const text = texts[Math.floor(random.uniform() * texts.length)] as string
    if (text.length <= characters) continue
    const at = Math.floor(random.uniform() * (text.length - characters))
    yield text.slice(at, at + characters).replaceAll(/\s+/g, ' ')
  }
}

/** Whether training on moved embeddings makes a classifier bear misspelled text. */
export const robustness: Experiment = {
  name: 'robustness',
  title: 'FGM and PGD: telling manuals apart under character noise',
  description: `A model of bytes with 0.14 M parameters reads 48 characters of a page and says which of four manuals they are from (Python,
PostgreSQL, git, SQLite; 200 steps of 32 pieces). FGM and PGD train half of the loss where the table of embeddings is moved
against it by the length ε. Measured on 400 pieces of pages that were never trained on, with that share of their characters replaced, doubled, left
out or exchanged.`,
  columns: Object.fromEntries(
    noises.map((noise) => [`noise${noise}`, { title: noise === 0 ? 'clean' : `${100 * noise} %`, digits: 3 }]),
  ),
  arms: Object.keys(arms),
  async *run(setting) {
    const { seed, folder, threads } = setting
    const splits = Object.entries(classes).map(([label, corpus]) => ({ label, ...splitTexts(corpus, 20_000) }))
    const random = new Random(seed, 'pieces')
    const drawn = (split: 'train' | 'heldOut', each: number) => {
      const sources = splits.map(({ label, [split]: texts }) => ({ label, source: pieces(texts, random) }))
      // The manuals take turns, so that a window of the shuffle holds all of them.
      return Array.from({ length: each }, () =>
        sources.map(({ label, source }) => ({ piece: source.next().value as string, label })),
      ).flat()
    }
    const files = writeLines(
      folder,
      'pieces.jsonl',
      drawn('train', 2500).map(({ piece, label }) => ({ prompt: `${piece} ->`, completion: label })),
    )
    const heldOut = drawn('heldOut', 100)
    const asked = noises.map((noise) =>
      heldOut.map(({ piece, label }) => ({ prompt: `${disturb(piece, noise, random)} ->`, answer: label })),
    )
    for (const [arm, options] of Object.entries(arms)) {
      const results = await runStages(
        setting,
        arm.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-'),
        `model: { family: r1, layers: 1, hidden: 96, positions: 80 }
stages:
  - sft: { data: { files: ${files}, heldOut: 0.02 }, steps: 200, batch: 32, length: 64, rate: 3e-3, saveEvery: 1000${options} }
`,
      )
      const checkpoint = lastCheckpoint(results)
      const values: Record<string, number> = {}
      for (const [at, noise] of noises.entries()) {
        values[`noise${noise}`] = await accuracy(checkpoint, asked[at] ?? [], { maxNewTokens: 2, threads })
      }
      yield [arm, values]
    }
  },
}
