import { Random } from '../../src/data/index.ts'
import { RewardModel } from '../../src/train/reward-model.ts'
import { baseModel } from './base.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { answerOf, problems, take, writeLines } from './letters.ts'

const lengths = [4, 5]

/** An answer with two neighbouring letters exchanged, or one letter replaced by another. */
function spoil(answer: string, random: Random): string {
  const letters = [...answer]
  const at = Math.floor(random.uniform() * (letters.length - 1))
  if (random.uniform() < 0.5) [letters[at], letters[at + 1]] = [letters[at + 1] as string, letters[at] as string]
  else
    letters[at] = String.fromCharCode(
      97 + (((letters[at] as string).charCodeAt(0) - 97 + 1 + (random.word() % 15)) % 16),
    )
  return letters.join('')
}

/** Whether scores tell right answers from nearly right ones. */
export const rewardModel: Experiment = {
  name: 'rewardModel',
  title: 'rewardModel: right answers above nearly right ones',
  description: `Pairs of a right answer (a word's letters sorted) and the same with two neighbours exchanged or one letter replaced. The
model has 0.43 M parameters; it starts with random weights, or where another has learnt to write the answers. Measured on
1,000 pairs over words it has never seen: the share in which the right answer has the higher score, after loading the
checkpoint again.`,
  columns: { ordered: { title: 'pairs ordered right', digits: 3 }, margin: { title: 'mean margin', digits: 2 } },
  arms: ['from random weights', 'from a model that sorts'],
  async *run(setting) {
    const { seed, folder, threads } = setting
    const pairs = function* (split: 'train' | 'held-out', count: number) {
      const random = new Random(seed, `spoil ${split}`)
      for (const { word, prompt } of take(count, problems(split, seed + 100, lengths))) {
        const chosen = answerOf('sort', word)
        yield { prompt, chosen, rejected: spoil(chosen, random) }
      }
    }
    const files = writeLines(folder, 'pairs.jsonl', pairs('train', 8000))
    const heldOut = [...pairs('held-out', 1000)]
    const arms = {
      'from random weights': '{ family: r1, layers: 2, hidden: 128, positions: 64 }',
      'from a model that sorts': `{ from: ${await baseModel(setting, { tasks: ['sort'], lengths, steps: 300 })} }`,
    }
    for (const [arm, model] of Object.entries(arms)) {
      const results = await runStages(
        setting,
        arm.replaceAll(' ', '-'),
        `model: ${model}
stages:
  - rewardModel: { data: { files: ${files}, heldOut: 0.02 }, steps: 300, batch: 64, length: 16, rate: 1e-3, saveEvery: 1000 }
`,
      )
      await using judge = await RewardModel.open(lastCheckpoint(results), { threads })
      const encode = (text: string) => judge.tokenizer.encode(text)
      const eos = judge.tokenizer.special.eos as number
      const scores = await judge.score(
        heldOut.flatMap(({ prompt, chosen, rejected }) =>
          [chosen, rejected].map((answer) => [...encode(prompt), ...encode(answer), eos]),
        ),
      )
      const margins = heldOut.map((_, at) => (scores[2 * at] as number) - (scores[2 * at + 1] as number))
      yield [
        arm,
        {
          ordered: margins.filter((margin) => margin > 0).length / margins.length,
          margin: margins.reduce((sum, margin) => sum + margin, 0) / margins.length,
        },
      ]
    }
  },
}
