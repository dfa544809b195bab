import { openCheckpoint } from '../../src/checkpoint/index.ts'
import { Random } from '../../src/data/index.ts'
import { loadModel } from '../../src/models/index.ts'
import { logitsOf } from '../../src/nn/index.ts'
import { argMax, cast, equal, multiply, sum } from '../../src/tensor/index.ts'
import { loadTokenizer, type Tokenizer } from '../../src/text/index.ts'
import { windowBatch } from '../../src/train/batch.ts'
import { HeldOut } from '../../src/train/held-out.ts'
import type { Objective } from '../../src/train/objective.ts'
import { nextToken } from '../../src/train/objectives/next-token.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { corpora, splitTexts, writeTexts } from './texts.ts'

const noises = [0, 0.05, 0.1, 0.2]
const [rows, length] = [64, 128]

const arms = {
  plain: '',
  'FGM, ε 0.5': ', adversarial: { method: fgm, epsilon: 0.5 }',
  'PGD, ε 0.5': ', adversarial: { method: pgd, epsilon: 0.5, steps: 2 }',
}

/** Cross-entropy, and how many of the most likely next bytes are right. */
const guesses: Objective = {
  name: 'guesses',
  sums(pass) {
    const right = equal(argMax(logitsOf(pass.head)), pass.batch.targets)
    return {
      loss: nextToken.sums(pass).loss,
      metrics: { right: sum(multiply(cast(right, 'f32'), pass.batch.weights)) },
    }
  },
}

/** Rows of bytes of which that share is replaced by letters, while what follows stays what was written. */
function noisyBatch(tokenizer: Tokenizer, text: string, share: number, seed: number) {
  const random = new Random(seed, `noise ${share}`)
  const letters = tokenizer.encode('abcdefghijklmnopqrstuvwxyz')
  const clean = BigInt64Array.from(tokenizer.encode(text).subarray(0, rows * length + 1), BigInt)
  const noisy = clean.map((id) => {
    const letter = BigInt(letters[random.word() % letters.length] as number)
    return random.uniform() < share ? letter : id
  })
  return windowBatch(noisy.subarray(0, -1), clean.subarray(1), [rows, length])
}

/** Whether training on moved embeddings makes a model bear misspelled text. */
export const robustness: Experiment = {
  name: 'robustness',
  title: 'FGM and PGD: foreseeing text under character noise',
  description: `A model of bytes with 0.14 M parameters learns Debian's Python manual (200 steps of 2,048 bytes). FGM and PGD (2 steps) give half
of the loss where the table of embeddings is moved against it by the length ε. Measured on 8,192 bytes of pages that were
never trained on: the share of bytes that are foreseen right (the most likely one) when that part of the bytes before them is
replaced by random letters.`,
  columns: Object.fromEntries(
    noises.map((noise) => [`noise${noise}`, { title: noise === 0 ? 'clean' : `${100 * noise} %`, digits: 4 }]),
  ),
  arms: Object.keys(arms),
  pairs: Object.keys(arms)
    .slice(1)
    .map((arm) => [arm, 'plain'] as const),
  async *run({ seed, folder, threads }) {
    const { train, heldOut } = splitTexts(corpora.python, 4000)
    const files = writeTexts(folder, 'python.jsonl', train)
    const text = heldOut.slice(0, 8).join('\n')
    for (const [arm, options] of Object.entries(arms)) {
      const results = await runStages(
        { seed, folder, threads },
        arm.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-'),
        `model: { family: r1, layers: 1, hidden: 96, positions: ${length} }
stages:
  - pretrain: { data: { files: ${files}, heldOut: 0.02 }, steps: 200, batch: 16, length: ${length}, rate: 3e-3, saveEvery: 1000${options} }
`,
      )
      const checkpoint = lastCheckpoint(results)
      await using opened = await openCheckpoint(checkpoint)
      const tokenizer = await loadTokenizer(checkpoint)
      const loaded = await loadModel(opened)
      const values: Record<string, number> = {}
      for (const noise of noises) {
        using measured = new HeldOut(loaded, guesses, [noisyBatch(tokenizer, text, noise, seed)], { threads })
        const { right = Number.NaN } = await measured.measure()
        values[`noise${noise}`] = right
      }
      loaded.variables.dispose()
      yield [arm, values]
    }
  },
}
