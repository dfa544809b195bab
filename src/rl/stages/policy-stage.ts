import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openCheckpoint } from '../../checkpoint/index.ts'
import type { Environment, Split } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, loadModel, modelOf } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import { randomWord, streamKey } from '../../tensor/random.ts'
import { RenderPool } from '../../text/index.ts'
import { MetricsFile, type MetricsLine } from '../../train/metrics-file.ts'
import { RewardModel } from '../../train/reward-model.ts'
import { ProblemReader } from '../../train/sampling/problems.ts'
import { schedule } from '../../train/schedule.ts'
import { stateFile } from '../../train/stages/drive.ts'
import { openEnvironment } from '../../train/stages/environment-option.ts'
import { drawingOperations, parametersOf } from '../../train/stages/estimate.ts'
import { finish } from '../../train/stages/finish.ts'
import type { StageContext, StagePlan, StageResult } from '../../train/stages/stage.ts'
import { BestWeights } from '../best-weights.ts'
import { learnedReward, requireSameLanguage } from '../learned-reward.ts'
import { publishedAggregation } from '../losses/aggregation.ts'
import { type Measurement, measure } from '../measure.ts'
import { type PolicyReport, PolicyTrainer, type PolicyTrainerOptions } from '../policy-trainer.ts'
import { ignoresSeed, type QuestionOptions, questionsFrom, questionsOf, take } from '../questions.ts'
import type { Question } from '../rollout-group.ts'
import { Rollouts } from '../rollouts.ts'
import { holdsPairs, updateShape } from '../update-shape.ts'
import type { PolicyOptions } from './options.ts'
import { writePlots } from './plots.ts'
import { lineOf, measurementOf, samplesOf } from './records.ts'

/** What an algorithm adds to the options that all have in common. */
export interface Algorithm
  extends Pick<
    PolicyTrainerOptions,
    'group' | 'advantages' | 'objective' | 'epochs' | 'rounds' | 'kl' | 'referenceEvery'
  > {
  /** Checkpoint of a reward model, from the recipe. */
  readonly rewardModel?: string | undefined
}

const contextOf = ({ promptLength, maxNewTokens }: PolicyOptions): number => promptLength + maxNewTokens

/** @throws R1Error `no-data` where a split has no question */
async function requireQuestion(asked: QuestionOptions, split: Split, seed: number): Promise<void> {
  if ((await take(questionsOf(asked, split, seed), 1)).length > 0) return
  throw new R1Error('no-data', `${asked.environment.name} has no ${split} question that fits into \`promptLength\`.`, {
    remedy:
      split === 'train'
        ? 'Let its `examples` give some, or raise `promptLength`.'
        : 'Let its `examples` give some, or leave out `measure`.',
  })
}

/** Looks at what is needed: the model, the environment, the first question. */
export async function planPolicy(options: PolicyOptions, group: number, context: StageContext): Promise<StagePlan> {
  const { steps, questions, maxNewTokens, promptLength, rows } = options
  await using checkpoint = await openCheckpoint(context.parent)
  const model = modelOf(checkpoint.config)
  if (contextOf(options) > model.positions) {
    throw new R1Error(
      'bad-option',
      `Prompts and completions of ${contextOf(options)} tokens are longer than the model's ${model.positions}.`,
      { remedy: 'Shorten `promptLength` or `maxNewTokens`, or give the model more positions.' },
    )
  }
  using pool = new RenderPool()
  const environment = await openEnvironment(options.environment, context.base)
  try {
    const reader = await ProblemReader.open(context.parent, pool)
    const asked = { environment, reader, longestPrompt: promptLength }
    await requireQuestion(asked, 'train', context.seed)
    if (options.measure) await requireQuestion(asked, 'held-out', context.seed)
  } finally {
    await environment.close?.()
  }
  const parameters = parametersOf(model)
  const completions = steps * questions * group
  const tokens = completions * (promptLength / 2 + maxNewTokens / 2)
  // A third of the groups have nothing to learn from.
  const operations = drawingOperations(parameters, completions, maxNewTokens) + 4 * parameters * tokens
  const feedForward = Number(model.config.intermediate_size ?? 4 * model.width)
  const activations = rows * contextOf(options) * model.layers * (8 * model.width + 3 * feedForward)
  return { parameters, steps, tokens, operations, memory: 4 * (4 * parameters + activations) }
}

/** Everything that a stage holds open. */
interface Parts {
  readonly loaded: LoadedModel
  readonly environment: Environment
  readonly reader: ProblemReader
  readonly rewardModel: RewardModel | undefined
}

/** Runs a stage of reinforcement learning. */
export async function runPolicy(
  name: string,
  options: PolicyOptions,
  context: StageContext,
  algorithm: Algorithm,
): Promise<StageResult> {
  const { parent, seed, base, signal, threads } = context
  await using checkpoint = await openCheckpoint(parent)
  using variables = new Variables(seed)
  const loaded = await loadModel(checkpoint, { variables, ...(signal && { signal }) })
  using pool = new RenderPool()
  const reader = await ProblemReader.open(parent, pool)
  if (reader.stopIds.length === 0) {
    throw new R1Error('no-end', 'The tokenizer has no token that ends a text.', {
      remedy: 'Give the model a tokenizer with an end of text.',
    })
  }
  const environment = await openEnvironment(options.environment, base)
  const { rewardModel: path } = algorithm
  let rewardModel: RewardModel | undefined
  try {
    if (path !== undefined) {
      rewardModel = await RewardModel.open(resolve(base, path), { threads })
      requireSameLanguage(rewardModel, reader.tokenizer, contextOf(options))
    }
    return await train(name, { loaded, environment, reader, rewardModel }, options, context, algorithm)
  } finally {
    await rewardModel?.dispose()
    await environment.close?.()
  }
}

async function train(
  name: string,
  { loaded, environment, reader, rewardModel }: Parts,
  options: PolicyOptions,
  context: StageContext,
  algorithm: Algorithm,
): Promise<StageResult> {
  const { folder, seed, signal, threads, resume } = context
  const { slots, promptLength, rolloutPrecision } = options
  await using rollouts = await Rollouts.create(loaded, {
    ...{ slots, context: contextOf(options), stopIds: reader.stopIds, precision: rolloutPrecision },
    ...(threads !== undefined && { threads }),
  })
  const asked: QuestionOptions = {
    ...{ environment, reader, longestPrompt: promptLength },
    ...(rewardModel && { learnedReward: learnedReward(rewardModel) }),
  }
  const key = streamKey(seed, 'rl.questions')
  // An environment that knows no seeds is gone through from step to step, else each would ask its first problems.
  const isOrdered = await ignoresSeed(environment)
  const ask = (step: number) =>
    isOrdered
      ? questionsFrom(asked, (step - 1) * options.questions)
      : questionsOf(asked, 'train', randomWord(key, step))
  using trainer = new PolicyTrainer(loaded, rollouts, ask, trainerOptions(loaded, options, context, algorithm))
  const state = stateFile(folder)
  if (resume && (await exists(state))) await trainer.restore(state)
  const held = await take(questionsOf(asked, 'held-out', seed), options.measure?.problems ?? 0)
  await using metrics = await MetricsFile.open(join(folder, 'metrics.jsonl'), trainer.step)
  await using samples = await MetricsFile.open(join(folder, 'samples.jsonl'), trainer.step)
  const record = async (line: MetricsLine) => {
    await metrics.append(line)
    await context.report(line)
  }
  const best = await BestWeights.open(loaded, folder, trainer.step)
  /** Measures, where that is asked for, and keeps the weights if they are the best so far. */
  const look = async (step: number): Promise<Record<string, number> | undefined> => {
    const found = await measureAt(step, rollouts, held, options, context)
    if (!found) return undefined
    const measured = measurementOf(found)
    const score = found.passAt1 ?? found.greedy
    await best.offer({ step, score, measured })
    return measured
  }
  let last: PolicyReport | undefined
  let measured: Record<string, number> | undefined
  if (trainer.step === 0) {
    measured = await look(0)
    if (measured) await record({ step: 0, ...measured })
  }
  for await (const report of trainer.run({ signal })) {
    last = report
    const { step, stopped } = report
    const isLast = step === options.steps || stopped !== undefined
    const isMeasured = options.measure && (step % options.measure.every === 0 || isLast)
    if (isMeasured) measured = await look(step)
    const kept = stopped === undefined ? undefined : best.step
    await record({ ...lineOf(report), ...(isMeasured && measured), ...(kept !== undefined && { kept }) })
    if (step % options.samplesEvery === 0 || step === 1 || isLast) {
      for (const line of samplesOf(report)) await samples.append(line)
    }
    if (step % options.saveEvery === 0 || isLast) await trainer.save(state)
  }
  await writePlots(folder)
  const results: Record<string, number> = { steps: trainer.step }
  if (last) Object.assign(results, { reward: last.statistics.reward, solved: last.statistics.solved })
  if (measured) Object.assign(results, measured)
  // What a guard has stopped is worse than it was: the best that was measured is what the stage gives.
  const kept = trainer.isStopped ? await best.restore() : undefined
  if (kept) Object.assign(results, kept.measured, { kept: kept.step })
  return finish(name, loaded, {}, context, { metrics: results, data: {} })
}

function trainerOptions(
  { model }: LoadedModel,
  options: PolicyOptions,
  { seed, threads }: StageContext,
  algorithm: Algorithm,
): PolicyTrainerOptions {
  const { steps, rate, minimum = rate / 10, warmup, decay, weightDecay, beta1, beta2, clip, rows } = options
  const { questions, maxNewTokens, minibatches, maskTruncated, overlongBuffer, guards } = options
  const aggregation = options.aggregation ?? publishedAggregation(algorithm.objective.loss, algorithm.advantages)
  const { rewardModel: _, ...rest } = algorithm
  return {
    ...{ seed, steps, questions, maxNewTokens, aggregation, minibatches, maskTruncated, overlongBuffer, guards },
    ...rest,
    schedule: schedule(options.schedule, {
      ...{ rate, steps, minimum },
      warmup: Math.floor(warmup * steps),
      decay: Math.max(1, Math.floor(decay * steps)),
    }),
    optimizer: { weightDecay, beta1, beta2, largestNorm: clip },
    ...{ precision: options.precision, checkpointing: options.checkpointing },
    ...(threads !== undefined && { threads }),
    shape: updateShape(rows, contextOf(options), holdsPairs(model)),
  }
}

async function measureAt(
  step: number,
  rollouts: Rollouts,
  questions: readonly Question[],
  { measure: options, maxNewTokens }: PolicyOptions,
  { seed, signal }: StageContext,
): Promise<Measurement | undefined> {
  if (!options || questions.length === 0) return undefined
  return measure(rollouts, questions, { samples: options.samples, maxNewTokens, seed: seed + step, signal })
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
