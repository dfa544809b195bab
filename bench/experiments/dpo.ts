import { baseModel } from './base.ts'
import { type Experiment, lastCheckpoint, runStages } from './experiment.ts'
import { answerOf, problems, take, writeLines } from './letters.ts'
import { answers } from './measure.ts'

const lengths = [4, 5]
const arms = {
  'β 0.1': 'beta: 0.1',
  'β 0.5': 'beta: 0.5',
  'β 0.1, next token 0.1': 'beta: 0.1, objectives: { nextToken: 0.1 }',
}

/** Which of two ways to answer a model takes. */
export const dpo: Experiment = {
  name: 'dpo',
  title: 'dpo: a preference between two ways to answer',
  description: `A model of 0.43 M parameters has learnt to answer a word of 4 or 5 letters by sorting or by reversing them, half of each.
Pairs prefer the sorted answer. Measured on words it has never seen: how often the chosen answer is the one whose
likelihood rose more against the model it began with (preference accuracy), how often the most likely text is the sorted
or the reversed word, and how far the log-probability of both answers sank together, in nats a pair (drift).`,
  columns: {
    preference: { title: 'preference accuracy', digits: 3 },
    sorted: { title: 'sorts', digits: 3 },
    reversed: { title: 'reverses', digits: 3 },
    drift: { title: 'drift', digits: 1 },
  },
  arms: ['before', ...Object.keys(arms)],
  async *run(setting) {
    const { seed, folder, threads } = setting
    const base = await baseModel(setting, { tasks: ['sort', 'reverse'], lengths, steps: 400 })
    const words = [...take(400, problems('held-out', seed, lengths))]
    const conduct = async (checkpoint: string) => {
      const given = await answers(
        checkpoint,
        words.map(({ prompt }) => prompt),
        { maxNewTokens: 8, threads },
      )
      const share = (task: 'sort' | 'reverse') =>
        given.filter((answer, at) => answer === answerOf(task, words[at]?.word ?? '')).length / words.length
      return { sorted: share('sort'), reversed: share('reverse') }
    }
    yield ['before', await conduct(base)]
    const pairs = function* () {
      for (const { word, prompt } of take(3000, problems('train', seed + 100, lengths))) {
        yield { prompt, chosen: answerOf('sort', word), rejected: answerOf('reverse', word) }
      }
    }
    const files = writeLines(folder, 'pairs.jsonl', pairs())
    for (const [arm, options] of Object.entries(arms)) {
      const results = await runStages(
        setting,
        `dpo-${Object.keys(arms).indexOf(arm)}`,
        `model: { from: ${base} }
stages:
  - dpo: { data: { files: ${files}, heldOut: 0.2 }, ${options}, steps: 100, batch: 32, length: 16, rate: 1e-4, saveEvery: 1000 }
`,
      )
      const metrics = results[0]?.metrics ?? {}
      yield [
        arm,
        {
          preference: metrics['heldOut.accuracy'] ?? Number.NaN,
          drift: metrics['heldOut.drift'] ?? Number.NaN,
          ...(await conduct(lastCheckpoint(results))),
        },
      ]
    }
  },
}
