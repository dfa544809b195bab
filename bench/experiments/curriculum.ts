import { smallModel } from './base.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { answerOf, problems, take, writeLines } from './letters.ts'
import { accuracy } from './measure.ts'

const [easy, middle, hard] = [
  [3, 4],
  [5, 6],
  [7, 8],
] as const

const shares = {
  'easy first': [
    '[[0, 1], [0.3, 0.4], [0.7, 0.1], [1, 0.1]]',
    '[[0, 0], [0.35, 0.5], [1, 0.2]]',
    '[[0, 0], [0.3, 0.1], [1, 0.7]]',
  ],
  shuffled: ['1', '1', '1'],
  'hard first': [
    '[[0, 0], [0.7, 0.1], [1, 0.7]]',
    '[[0, 0.2], [0.65, 0.5], [1, 0.2]]',
    '[[0, 1], [0.3, 0.6], [1, 0.1]]',
  ],
  'hard alone': ['0', '0', '1'],
} as const

/** Whether it helps to begin with what is easy. */
export const curriculum: Experiment = {
  name: 'curriculum',
  title: 'curriculum: easy words first, or all of them from the start',
  description: `A model of 0.43 M parameters learns to sort the letters of a word as plain text, 300 steps of 1,024 tokens, the same number in
every row. Words of 3 and 4, of 5 and of 6 letters are three domains of one stage \`adapt\`, whose shares change with
progress or stay. Measured on 200 unseen words of each domain: the share whose answer is right.`,
  columns: {
    easy: { title: '3 and 4 letters', digits: 3 },
    middle: { title: '5', digits: 3 },
    hard: { title: '6', digits: 3 },
  },
  arms: Object.keys(shares),
  pairs: Object.keys(shares)
    .filter((arm) => arm !== 'shuffled')
    .map((arm) => [arm, 'shuffled'] as const),
  async *run(setting) {
    const { seed, folder, threads } = setting
    const domains = { easy, middle, hard }
    const names = Object.entries(domains).map(([name, lengths]) => {
      const lines = function* () {
        for (const { word, prompt } of take(8000, problems('train', seed, lengths))) {
          yield { text: `${prompt}${answerOf('sort', word)}` }
        }
      }
      return writeLines(folder, `${name}.jsonl`, lines())
    })
    for (const [arm, corners] of Object.entries(shares)) {
      const parts = names.map((file, at) => `{ files: ${file}, heldOut: 0.005, share: ${corners[at]} }`)
      const results = await runStages(
        setting,
        arm.replaceAll(' ', '-'),
        `${smallModel}stages:
  - adapt:
      domains: [${parts.join(', ')}]
      isolated: true
      steps: 300
      batch: 16
      length: 64
      rate: 3e-3
      saveEvery: 1000
`,
      )
      const checkpoint = lastCheckpoint(results)
      const values: Record<string, number> = {}
      for (const [name, lengths] of Object.entries(domains)) {
        const asked = [...take(200, problems('held-out', seed, lengths))].map(({ word, prompt }) => ({
          prompt,
          answer: answerOf('sort', word),
        }))
        values[name] = await accuracy(checkpoint, asked, { maxNewTokens: 10, threads })
      }
      yield [arm, values]
    }
  },
}
