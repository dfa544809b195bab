import { join } from 'node:path'
import {
  checkSolution,
  type Equation,
  loadEnvironment,
  type Prompt,
  parseEquation,
} from '../../src/environments/index.ts'
import { type SelfVerifyOptions, selfVerify, type VerifiedText } from '../../src/evaluate/index.ts'
import { DeepSeekR1 } from '../../src/generate/index.ts'
import { type Experiment, lastCheckpoint, runStages, type Values } from './experiment.ts'

const start = join(import.meta.dirname, '../../models/r1-nano')
const count = 256
const steps = 40
/** Equations that are asked at once. */
const abreast = 16

interface Asked {
  readonly prompt: Prompt
  readonly equation: string
}

/** Larger factors and solutions than the model has learnt from: a weak start. */
const harder = { largestFactor: 12, largestSolution: 30 }

/** Equations that nothing was learnt from. */
async function equations(seed: number, options: object): Promise<Asked[]> {
  const environment = await loadEnvironment('linear-equations', { options: { form: 'message', ...options } })
  const asked: Asked[] = []
  for await (const example of environment.examples('held-out', seed)) {
    asked.push({ prompt: example.prompt, equation: String(example.key) })
    if (asked.length === count) break
  }
  return asked
}

const share = (part: number, whole: number): number => part / Math.max(1, whole)

/** Errors in answers and steps. @param texts which count, of each equation @param written how many were written for each */
function valuesOf(asked: readonly Asked[], texts: readonly (readonly VerifiedText[])[], written: number): Values {
  const judged = texts.flatMap((own, at) => {
    const equation = parseEquation(asked[at]?.equation ?? '') as Equation
    return own.map((text) => ({ ...text, correct: checkSolution(text.completion, equation).correct }))
  })
  const sum = (of: (text: (typeof judged)[number]) => number) => judged.reduce((total, text) => total + of(text), 0)
  return {
    wrong: share(
      sum(({ correct }) => Number(!correct)),
      judged.length,
    ),
    wrongSteps: share(
      sum(({ wrongSteps }) => wrongSteps),
      sum((text) => text.steps),
    ),
    spoilt: share(
      sum(({ wrongSteps }) => Number(wrongSteps > 0)),
      judged.length,
    ),
    texts: written / asked.length,
  }
}

/** Has a checkpoint solve equations. @param all counts every text that was written, not the chosen one alone */
async function measure(
  checkpoint: string,
  asked: readonly Asked[],
  { threads, all = false, ...options }: SelfVerifyOptions & { threads: number; all?: boolean },
): Promise<Values> {
  await using model = await DeepSeekR1.fromPretrained(checkpoint, { threads, slots: 64, context: 192 })
  const texts: VerifiedText[][] = []
  let [next, written] = [0, 0]
  const work = async () => {
    for (let at = next++; at < asked.length; at = next++) {
      const { prompt, equation } = asked[at] as Asked
      const found = await selfVerify(model, equation, prompt, { maxNewTokens: 96, ...options, seed: at })
      written += found.texts.length
      texts[at] = all ? [...found.texts] : [found]
    }
  }
  await Promise.all(Array.from({ length: abreast }, work))
  return valuesOf(asked, texts, written)
}

/** Steps that are checked: as a reward, and while a model answers. */
export const selfVerification: Experiment = {
  name: 'selfVerify',
  title: 'selfVerify: steps checked as a reward, and at inference',
  page: 'reasoning',
  description: `The shipped model r1-nano (2.3 M parameters) solves linear equations line by line; a program checks whether each line
follows from the one before, without the solution. The first rows ask it greedily, then let it write again until every
step follows (the first text greedily, up to 8), or write 8 texts at temperature 1 and take the one whose steps hold. The
harder equations have factors up to 12 and solutions up to 30, where it learnt from 9 and 20: a weak start, from which
${steps} steps of 8 equations and 16 completions (GRPO, rate 1e-4) are learnt: from the answer alone, or half from the answer and
half from the share of right steps; 4 texts at temperature 1 of each equation, and greedily. Measured on ${count} held-out
equations of each kind: the share of wrong answers, the share of steps that do not follow, the share of texts with such a
step, and how many texts were written for each equation.`,
  columns: {
    wrong: { title: 'wrong answers', digits: 3 },
    wrongSteps: { title: 'wrong steps', digits: 4 },
    spoilt: { title: 'texts with a wrong step', digits: 3 },
    texts: { title: 'texts an equation', digits: 2 },
  },
  arms: [
    'r1-nano, greedy',
    'r1-nano, selfVerify by retrying',
    'r1-nano, selfVerify by choosing',
    'harder, T = 1: start',
    'harder, T = 1: answer alone',
    'harder, T = 1: answer and steps',
    'harder, greedy: start',
    'harder, greedy: answer alone',
    'harder, greedy: answer and steps',
  ],
  pairs: [
    ['r1-nano, selfVerify by retrying', 'r1-nano, greedy'],
    ['r1-nano, selfVerify by choosing', 'r1-nano, greedy'],
    ['harder, T = 1: answer and steps', 'harder, T = 1: answer alone'],
    ['harder, greedy: answer and steps', 'harder, greedy: answer alone'],
  ],
  async *run(setting) {
    const { seed, threads } = setting
    const greedy = { mode: 'retry', samples: 1, threads } as const
    const known = await equations(seed, {})
    yield ['r1-nano, greedy', await measure(start, known, greedy)]
    yield ['r1-nano, selfVerify by retrying', await measure(start, known, { mode: 'retry', samples: 8, threads })]
    yield ['r1-nano, selfVerify by choosing', await measure(start, known, { mode: 'choose', samples: 8, threads })]
    const learned: (readonly [string, string])[] = [['start', start]]
    for (const [name, process] of [['answer alone', 0] as const, ['answer and steps', 0.5] as const]) {
      const options = JSON.stringify({ form: 'message', ...harder, process })
      const results = await runStages(
        setting,
        name.replaceAll(' ', '-'),
        `model: { from: ${start} }
stages:
  - grpo: { environment: { linear-equations: ${options} }, steps: ${steps}, questions: 8, group: 16, promptLength: 64, maxNewTokens: 96, rate: 1e-4, precision: bf16, slots: 128, saveEvery: 5, guards: { zeroVariance: 0, entropy: 0, passAtK: 0 } }
`,
      )
      learned.push([name, lastCheckpoint(results)])
    }
    const asked = await equations(seed, harder)
    const drawn = { mode: 'choose', samples: 4, threads, all: true } as const
    for (const [name, checkpoint] of learned) {
      yield [`harder, T = 1: ${name}`, await measure(checkpoint, asked, drawn)]
      yield [`harder, greedy: ${name}`, await measure(checkpoint, asked, greedy)]
    }
  },
}
