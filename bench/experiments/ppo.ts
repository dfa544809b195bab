import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lineCharts, type Series } from '../../src/rl/index.ts'
import { RewardModel } from '../../src/train/reward-model.ts'
import { baseModel } from './base.ts'
import { type Experiment, lastCheckpoint, runStages, type Setting } from './experiment.ts'
import { answerOf, type LetterProblem, problems, take, writeLines } from './letters.ts'
import { accuracy, answers } from './measure.ts'

const lengths = [4, 5]
const environment = join(import.meta.dirname, 'short-words.ts')
const picture = 'ppo.svg'
const steps = 40
/** The same in all arms: so many completions a step, and no guard that ends one of them early. */
const samples = `steps: ${steps}, questions: 16, group: 16, promptLength: 8, maxNewTokens: 8, rows: 64, slots: 128, rate: 3e-4, measure: { every: 20, problems: 250, samples: 4 }, guards: { zeroVariance: 0, entropy: 0, passAtK: 0 }`

/** The reward model's scores are learnt from, at two prices of distance to the start. */
const learned = { 'ppo, learned reward': 2, 'ppo, learned reward, hardly held': 0.2 } as const
/** Scores deviate by about 8, written rewards by 0.5: the value head's loss is squared. */
const valueWeight = 0.001

const folderOf = (arm: string): string => arm.replaceAll(/[ ,]+/g, '-')

/** Which score means which chance to be right, as a line through the start's own answers. */
interface Calibration {
  readonly slope: number
  readonly intercept: number
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Least squares. */
function lineThrough(x: readonly number[], y: readonly number[]): Calibration {
  const [middleX, middleY] = [mean(x), mean(y)]
  const spread = mean(x.map((value) => (value - middleX) ** 2))
  const slope = mean(x.map((value, at) => (value - middleX) * ((y[at] as number) - middleY))) / spread
  return { slope, intercept: middleY - slope * middleX }
}

type Line = Readonly<Record<string, number>>

const linesOf = (folder: string, arm: string): Line[] =>
  readFileSync(join(folder, folderOf(arm), '01-ppo', 'metrics.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
    .filter(({ step }) => step !== 0)

/** Of each step the share that is right, and the share that the scores promise. */
function promised(folder: string, arm: string): { right: number[]; promise: number[] } {
  const { slope, intercept } = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration
  const lines = linesOf(folder, arm)
  return {
    right: lines.map((line) => line['reward.true'] ?? Number.NaN),
    promise: lines.map(({ reward = Number.NaN }) => intercept + slope * reward),
  }
}

/** Trains a reward model, and measures what its scores mean. @returns its checkpoint */
async function judgeOf(setting: Setting, base: string): Promise<string> {
  const { seed, folder, threads } = setting
  const samplesOf = (words: readonly LetterProblem[], drawn: number) =>
    answers(
      base,
      words.map(({ prompt }) => prompt),
      { maxNewTokens: 8, threads, seed: drawn },
    )
  const learnt = [...take(4000, problems('train', seed + 100, lengths))]
  const pairs: object[] = []
  for (const round of [1, 2]) {
    const given = await samplesOf(learnt, seed + 1000 * round)
    for (const [at, { word, prompt }] of learnt.entries()) {
      const [chosen, rejected] = [answerOf('sort', word), given[at] as string]
      if (rejected !== chosen) pairs.push({ prompt, chosen, rejected })
    }
  }
  const files = writeLines(folder, 'pairs.jsonl', pairs)
  const stage = `rewardModel: { data: { files: ${files}, heldOut: 0.1 }, steps: 400, batch: 64, length: 16, rate: 1e-3, saveEvery: 1000 }`
  const judge = lastCheckpoint(await runStages(setting, 'judge', `model: { from: ${base} }\nstages:\n  - ${stage}\n`))
  const file = join(folder, 'calibration.json')
  if (existsSync(file)) return judge
  const words = [...take(1000, problems('train', seed + 200, lengths))]
  const given = await samplesOf(words, seed)
  await using model = await RewardModel.open(judge, { threads })
  const eos = model.tokenizer.special.eos as number
  const scores = await model.score(
    given.map((answer, at) => [...model.tokenizer.encode(`${words[at]?.prompt}${answer}`), eos]),
  )
  const right = given.map((answer, at) => Number(answer === answerOf('sort', words[at]?.word ?? '')))
  writeFileSync(file, JSON.stringify(lineThrough(scores, right)))
  return judge
}

/** Rewards that are written against rewards that are learnt, and `ppo` against `grpo`. */
export const ppo: Experiment = {
  name: 'ppo',
  title: 'ppo: a learned reward, and what becomes of it',
  page: 'reasoning',
  description: `A model of 0.43 M parameters has begun to learn how to sort the letters of words of 4 and 5. A reward model that started from
it has learnt from pairs of a sorted word and a wrong answer of its own, two samples of each of 4,000 words. Each row goes on
from the start with ${steps} steps of 16 words and 16 completions at rate 3e-4; PPO learns twice from each, GRPO once. The
written reward is 1 for a right answer. Where the reward is learnt, the right answer is only watched; each token costs 2,
or hardly held 0.2, a nat of distance to the start, where scores deviate by several. Scores have no unit: a line through
scores and rightness of 1,000 samples of the start says what share of right answers a mean score promises (it may pass 1),
and the gap is that promise less the true share, over the last ten steps. Right: held-out words, 250 of them with 4 samples
at temperature 1, and greedily.`,
  columns: {
    passAt1: { title: 'right at T = 1', digits: 3 },
    greedy: { title: 'right, greedy', digits: 3 },
    last: { title: 'right, last ten steps', digits: 3 },
    promise: { title: 'promised by the score', digits: 3 },
    gap: { title: 'gap', digits: 3 },
    kl: { title: 'distance to the start, nats a token', digits: 3 },
  },
  arms: ['start', 'grpo, written reward', 'ppo, written reward', ...Object.keys(learned)],
  pairs: [
    ['ppo, written reward', 'grpo, written reward'],
    ['ppo, learned reward', 'start'],
    ['ppo, learned reward, hardly held', 'start'],
  ],
  async *run(setting) {
    const { seed, folder, threads } = setting
    const base = await baseModel(setting, { tasks: ['sort'], lengths, steps: 60 })
    const asked = [...take(250, problems('held-out', seed, lengths))]
    const problemsAsked = asked.map(({ word, prompt }) => ({ prompt, answer: answerOf('sort', word) }))
    const drawn = { maxNewTokens: 8, threads }
    yield [
      'start',
      {
        greedy: await accuracy(base, problemsAsked, drawn),
        passAt1: await accuracy(base, problemsAsked, { ...drawn, seed }),
      },
    ]
    const judge = await judgeOf(setting, base)
    const run = async (arm: string, stage: string) => {
      const body = `model: { from: ${base} }\nstages:\n  - ${stage}\n`
      const metrics = (await runStages(setting, folderOf(arm), body))[0]?.metrics ?? {}
      const of = (name: string) => metrics[name] ?? Number.NaN
      return { passAt1: of('heldOut.passAt1'), greedy: of('heldOut.greedy') }
    }
    const task = `environment: ${environment}, ${samples}`
    yield ['grpo, written reward', await run('grpo, written reward', `grpo: { ${task} }`)]
    yield ['ppo, written reward', await run('ppo, written reward', `ppo: { ${task}, epochs: 2 }`)]
    for (const [arm, weight] of Object.entries(learned)) {
      const measured = await run(
        arm,
        `ppo: { ${task}, epochs: 2, reward: ${judge}, valueWeight: ${valueWeight}, kl: { weight: ${weight} } }`,
      )
      const { right, promise } = promised(folder, arm)
      const [last, claimed] = [mean(right.slice(-10)), mean(promise.slice(-10))]
      const kl = mean(
        linesOf(folder, arm)
          .slice(-10)
          .map(({ rewardKl = Number.NaN }) => rewardKl),
      )
      yield [arm, { ...measured, last, promise: claimed, gap: claimed - last, kl }]
    }
  },
  async draw(folders) {
    const complete = (arm: string) =>
      folders.filter((folder) => existsSync(join(folder, folderOf(arm), '01-ppo/curves.svg')))
    const overSeeds = (name: string, curves: readonly (readonly number[])[]): Series => ({
      name,
      points: (curves[0] ?? []).map((_, at) => [at + 1, mean(curves.map((curve) => curve[at] as number))] as const),
    })
    const arms = Object.keys(learned).map((arm) => ({
      arm,
      found: complete(arm).map((folder) => promised(folder, arm)),
    }))
    const gaps = arms.map(({ arm, found }) =>
      overSeeds(
        arm.replace('ppo, learned reward', 'learned'),
        found.map(({ right, promise }) => promise.map((value, at) => value - (right[at] as number))),
      ),
    )
    const panels = arms.map(({ arm, found }) => ({
      title: arm,
      series: [
        overSeeds(
          'promised',
          found.map(({ promise }) => promise),
        ),
        overSeeds(
          'right',
          found.map(({ right }) => right),
        ),
      ],
    }))
    const chart = lineCharts([...panels, { title: 'gap: promised less right', series: gaps }])
    writeFileSync(join(import.meta.dirname, '../../docs/results', picture), chart)
    return `![What the learned reward promises and what is right, step by step; means over the seeds](${picture})`
  },
}
