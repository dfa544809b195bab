import { join } from 'node:path'
import { Random } from '../../src/data/index.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { answerOf, problems, take, writeLines } from './letters.ts'
import { accuracy } from './measure.ts'

const lengths = [4, 5, 6]
const student = '{ family: r1, layers: 1, hidden: 96, positions: 64 }'
const environment = join(import.meta.dirname, 'sorting.ts')
/** Rows that hold several words, or one each, about 380 tokens a step both. */
const packed = 'batch: 6, length: 64, rate: 1e-3, saveEvery: 1000'
const single = 'batch: 32, length: 16, rate: 1e-3, saveEvery: 1000'

/** Ways for a small model to learn from a larger one, and from data alone. */
export const distill: Experiment = {
  name: 'distill',
  title: 'distill: off-policy, on-policy and from scratch at equal tokens',
  description: `The teacher (0.43 M parameters) has learnt to sort words of 4 to 6 letters from clean answers. The student (0.14 M) sees data
of which a third of the answers have two letters exchanged: 300 steps of them alone make it a beginner, and each row goes
on from there for 150 steps of about 380 tokens: on the same data, on the teacher's whole distribution over the data, on samples of
the teacher that the checker finds right, or on what the student writes itself, judged by the teacher token by token.
Measured on 500 unseen words: the share whose most likely answer is right.`,
  columns: { right: { title: 'right', digits: 3 }, tokens: { title: 'tokens learnt from', digits: 0 } },
  arms: [
    'teacher',
    'beginner',
    'data alone',
    'off-policy, forward KL',
    'verified samples',
    'on-policy, reverse KL',
    'from scratch, forward KL',
  ],
  pairs: ['off-policy, forward KL', 'verified samples', 'on-policy, reverse KL', 'from scratch, forward KL'].map(
    (arm) => [arm, 'data alone'] as const,
  ),
  async *run(setting) {
    const { seed, folder, threads } = setting
    const lines = function* (spoilt: number) {
      const random = new Random(seed, 'spoilt')
      for (const { word, prompt } of take(12_000, problems('train', seed, lengths))) {
        const letters = [...answerOf('sort', word)]
        const at = Math.floor(random.uniform() * (letters.length - 1))
        if (random.uniform() < spoilt)
          [letters[at], letters[at + 1]] = [letters[at + 1] as string, letters[at] as string]
        yield { prompt, completion: letters.join(''), text: `${prompt}${letters.join('')}` }
      }
    }
    const clean = writeLines(folder, 'clean.jsonl', lines(0))
    const noisy = writeLines(folder, 'noisy.jsonl', lines(1 / 3))
    const asked = [...take(500, problems('held-out', seed, lengths))].map(({ word, prompt }) => ({
      prompt,
      answer: answerOf('sort', word),
    }))
    const measure = async (checkpoint: string) => ({
      right: await accuracy(checkpoint, asked, { maxNewTokens: 8, threads }),
    })
    const sft = (files: string, steps: number, options: string) =>
      `  - sft: { data: { files: ${files} }, steps: ${steps}, ${options} }\n`
    const teacher = lastCheckpoint(
      await runStages(
        setting,
        'teacher',
        `model: { family: r1, layers: 2, hidden: 128, positions: 64 }\nstages:\n${sft(clean, 350, 'batch: 16, length: 64, rate: 3e-3, saveEvery: 1000')}`,
      ),
    )
    yield ['teacher', await measure(teacher)]
    const beginner = lastCheckpoint(
      await runStages(
        setting,
        'beginner',
        `model: ${student}\nstages:\n${sft(noisy, 300, 'batch: 8, length: 64, rate: 3e-3, saveEvery: 1000')}`,
      ),
    )
    yield ['beginner', await measure(beginner)]
    const texts = `data: { files: ${noisy} }, isolated: true`
    const distilling = (options: string, loop = packed) =>
      `  - distill: { teacher: ${teacher}, ${options}, steps: 150, ${loop} }\n`
    const arms: readonly (readonly [string, string, string])[] = [
      ['data alone', `{ from: ${beginner} }`, sft(noisy, 150, packed)],
      ['off-policy, forward KL', `{ from: ${beginner} }`, distilling(texts)],
      [
        'verified samples',
        `{ from: ${beginner} }`,
        distilling(`samples: { environment: ${environment}, problems: 2000, each: 1, maxNewTokens: 8 }`),
      ],
      [
        'on-policy, reverse KL',
        `{ from: ${beginner} }`,
        distilling(`onPolicy: { environment: ${environment}, maxNewTokens: 8 }`, single),
      ],
      ['from scratch, forward KL', student, distilling(texts)],
    ]
    for (const [arm, model, stage] of arms) {
      const name = arm.replaceAll(/[ ,]+/g, '-')
      const results = await runStages(setting, name, `model: ${model}\nstages:\n${stage}`)
      yield [arm, { ...(await measure(lastCheckpoint(results))), tokens: results[0]?.metrics.tokens ?? Number.NaN }]
    }
  },
}
