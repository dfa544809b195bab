import type { Json } from '../data/index.ts'
import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/load.ts'
import type { Schedule } from '../train/schedule.ts'
import { readState, writeState } from '../train/state.ts'
import { type StepOptions, stateNames, TrainingStep } from '../train/step.ts'
import type { GaeOptions } from './advantages/gae.ts'
import type { GroupAdvantageName } from './advantages/group.ts'
import { collect } from './collect.ts'
import { type BatchShape, type Experience, packExperiences } from './experience.ts'
import { type GuardOptions, type GuardState, Guards } from './guards.ts'
import { KlController } from './kl-controller.ts'
import { bareExperiences, gaeColumns, groupColumns, type Lesson, lessonsOf } from './lessons.ts'
import { type AggregationName, aggregations } from './losses/aggregation.ts'
import type { KlEstimatorName } from './losses/kl.ts'
import { type PolicyObjectiveOptions, policyObjective, valueHeadName } from './objective.ts'
import type { Question, RolloutGroup } from './rollout-group.ts'
import type { Rollouts } from './rollouts.ts'
import { keepReference, referenceScope, type ScoreColumns, Scores } from './scores.ts'
import { type GroupStatistics, statisticsOf } from './statistics.ts'

export interface PolicyTrainerOptions extends Omit<StepOptions, 'scope' | 'ema' | 'penalty'> {
  readonly seed: number
  readonly steps: number
  /** Learning rate of each step. */
  readonly schedule: Schedule
  /** Questions of a step, completions of each, and the most tokens of one. */
  readonly questions: number
  readonly group: number
  readonly maxNewTokens: number
  /** Rounds of dynamic sampling; 1 is none. */
  readonly rounds: number
  /** Completions against those of their group, or against a value head. */
  readonly advantages: GroupAdvantageName | GaeOptions
  readonly objective: Pick<PolicyObjectiveOptions, 'loss' | 'clip' | 'value' | 'largestCorrection'>
  readonly aggregation: AggregationName
  /** Distance to the reference: in the loss with group advantages, in the rewards with a value head. */
  readonly kl?:
    | {
        readonly weight: number
        readonly estimator: KlEstimatorName
        readonly target?: number
        readonly horizon?: number
      }
    | undefined
  /** The reference becomes the policy of that moment every so many steps; it stays without it. */
  readonly referenceEvery?: number | undefined
  /** How often completions are learnt from, and into how many updates each time. */
  readonly epochs: number
  readonly minibatches: number
  readonly maskTruncated: boolean
  readonly overlongBuffer: number
  readonly guards: GuardOptions
  /** Rows and tokens of the batches into which completions are packed. */
  readonly shape: BatchShape
}

/** What one step did. */
export interface PolicyReport {
  /** From 1. */
  readonly step: number
  readonly steps: number
  readonly rate: number
  readonly statistics: GroupStatistics
  /** Means by token of what the objective sums up, and of the loss over the updates. */
  readonly loss: number
  readonly metrics: Readonly<Record<string, number>>
  /** Norm of the gradients before clipping, mean over the updates. */
  readonly norm: number
  readonly updates: number
  readonly groups: readonly RolloutGroup[]
  readonly rolloutMilliseconds: number
  /** Forward passes before the updates, and the updates. */
  readonly trainMilliseconds: number
  /** Tokens of the batches that were learnt from, prompts included. */
  readonly trainedTokens: number
  /** Why this is the last step, where a guard says so. */
  readonly stopped?: string
}

interface Progress {
  readonly step: number
  readonly updates: number
  readonly stopped: boolean
  readonly klWeight: number
  readonly guards: GuardState
}

/** Sums over the updates of a step. */
interface Sums {
  loss: number
  norm: number
  updates: number
  /** Tokens that count, and all of the batches. */
  counted: number
  tokens: number
  readonly metrics: Record<string, number>
  /** What is no sum over tokens, and reported as it is. */
  readonly asIs: Record<string, number>
}

/** A step needs questions, and a reward of at least one completion. */
function requireScores(groups: readonly RolloutGroup[]): void {
  const all = groups.flatMap(({ rollouts }) => rollouts)
  if (all.length === 0) {
    throw new R1Error('no-data', 'The environment has no question for this step.', {
      remedy: 'Let its `examples` give some of the split train whose prompts fit into `promptLength`.',
    })
  }
  const failures = all.flatMap(({ judgement }) => ('failure' in judgement ? [judgement.failure] : []))
  if (failures.length < all.length) return
  const reason = failures[0]?.replace(/\.?$/, '.')
  throw new R1Error('no-scores', `None of ${all.length} completions got a reward: ${reason}`, {
    remedy: 'Mend the reward of the environment.',
  })
}

/**
 * The loop of reinforcement learning: completions are drawn with the weights of now, judged, turned into batches with
 * advantages, and learnt from by the same compiled steps as every other training.
 */
export class PolicyTrainer {
  private readonly loaded: LoadedModel
  private readonly options: PolicyTrainerOptions
  private readonly rollouts: Rollouts
  private readonly ask: (step: number) => Iterator<Question> | AsyncIterator<Question>
  private readonly training: TrainingStep
  private readonly scores: Scores
  private readonly guards: Guards
  private readonly controller: KlController
  private done = 0
  private updates = 0
  private stopped = false

  /** @param ask the questions of a step: the same whenever it is asked */
  constructor(
    loaded: LoadedModel,
    rollouts: Rollouts,
    ask: (step: number) => Iterator<Question> | AsyncIterator<Question>,
    options: PolicyTrainerOptions,
  ) {
    this.loaded = loaded
    this.options = options
    this.rollouts = rollouts
    this.ask = ask
    const { kl, epochs, minibatches, precision, threads, spinning, kernels } = options
    const isActorCritic = typeof options.advantages === 'object'
    if (isActorCritic !== (options.objective.value !== undefined)) {
      throw new R1Error('bad-option', 'A value head and generalised advantage estimation need each other.')
    }
    this.training = new TrainingStep(
      loaded,
      policyObjective({ ...options.objective, ...(kl && !isActorCritic && { kl }) }),
      options,
    )
    const wishes = {
      // One update on each completion: what the policy was is what it is.
      old: isActorCritic || epochs * minibatches > 1,
      reference: kl !== undefined,
      values: isActorCritic,
    }
    this.scores = new Scores(loaded, wishes, { precision, threads, spinning, kernels })
    this.guards = new Guards(options.guards)
    this.controller = new KlController(kl?.weight ?? 0, kl?.target, kl?.horizon)
    if (kl) keepReference(loaded)
  }

  /** Steps that are done. */
  get step(): number {
    return this.done
  }

  /** Whether a guard has ended the run. */
  get isStopped(): boolean {
    return this.stopped
  }

  /** Trains to the end, or until a guard stops it; a report a step. @throws R1Error `aborted`, `not-finite`, `no-data`, `no-scores` */
  async *run({ signal }: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<PolicyReport, void, void> {
    while (this.done < this.options.steps && !this.stopped) {
      if (signal?.aborted) throw new R1Error('aborted', 'Training was stopped.', { cause: signal.reason })
      yield await this.advance(signal)
    }
  }

  /** Writes all that is needed to go on with the identical next step. @throws R1Error `disk-full`, `file-failure` */
  async save(path: string): Promise<void> {
    const progress: Progress = {
      ...{ step: this.done, updates: this.updates, stopped: this.stopped, klWeight: this.controller.weight },
      guards: this.guards.state,
    }
    const parameters = [...this.loaded.model.parameters().map(({ name }) => name), valueHeadName]
    const names = parameters.flatMap((name) => [
      name,
      stateNames.firstMoment(name),
      stateNames.secondMoment(name),
      ...(this.options.kl ? [`${referenceScope}.${name}`] : []),
    ])
    await writeState(path, this.loaded.variables, names, progress as unknown as Json)
  }

  /** Goes back to where `save` was called. @throws R1Error `file-not-found`, `bad-state` */
  async restore(path: string): Promise<void> {
    const progress = (await readState(path, this.loaded.variables)) as unknown as Progress
    this.done = progress.step
    this.updates = progress.updates
    this.stopped = progress.stopped
    this.controller.weight = progress.klWeight
    this.guards.restore(progress.guards)
    this.rollouts.renew()
  }

  dispose(): void {
    this.training.dispose()
    this.scores.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private async advance(signal?: AbortSignal): Promise<PolicyReport> {
    const { options } = this
    const step = this.done + 1
    const rate = options.schedule(step)
    const started = performance.now()
    const { kept, drawn } = await collect(this.rollouts, this.ask(step), step, options, signal)
    requireScores(drawn)
    const drew = performance.now()
    const sums = await this.learn(kept, rate)
    this.rollouts.renew()
    if (options.kl && options.referenceEvery && step % options.referenceEvery === 0) keepReference(this.loaded)
    this.done = step
    const statistics = statisticsOf(drawn)
    const stopped = this.guards.observe(statistics)
    if (stopped) this.stopped = true
    const { loss, norm, updates, counted, tokens, metrics, asIs } = sums
    return {
      ...{ step, steps: options.steps, rate, statistics, updates, groups: drawn },
      loss: updates > 0 ? loss / updates : 0,
      norm: updates > 0 ? norm / updates : 0,
      metrics: {
        ...Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [name, sum / Math.max(1, counted)])),
        ...asIs,
      },
      rolloutMilliseconds: drew - started,
      trainMilliseconds: performance.now() - drew,
      trainedTokens: tokens,
      ...(stopped !== undefined && { stopped }),
    }
  }

  /** Learns from groups, in one or several updates. */
  private async learn(groups: readonly RolloutGroup[], rate: number): Promise<Sums> {
    const { advantages, epochs, minibatches, kl } = this.options
    const sums: Sums = { loss: 0, norm: 0, updates: 0, counted: 0, tokens: 0, metrics: {}, asIs: {} }
    const compare = typeof advantages === 'string' ? advantages : undefined
    const lessons = lessonsOf(groups, this.options, compare)
    if (lessons.length === 0) return sums
    const scores = await this.score(lessons)
    const { columns, names } = this.columnsOf(lessons, scores, sums)
    const size = Math.ceil(lessons.length / minibatches)
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let from = 0; from < lessons.length; from += size) {
        const part = { lessons: lessons.slice(from, from + size), columns: columns.slice(from, from + size) }
        // Without a distance to keep, what has no advantage changes nothing but the divisor.
        const needed = compare && !kl ? part.lessons.map(({ advantage }) => advantage !== 0) : undefined
        await this.update(part.lessons, part.columns, names, needed, rate, sums)
      }
    }
    return sums
  }

  private async score(lessons: readonly Lesson[]): Promise<ScoreColumns> {
    if (this.scores.isEmpty) return {}
    const packed = packExperiences(bareExperiences(lessons), [], this.options.shape)
    try {
      return await this.scores.of(packed)
    } finally {
      packed.dispose()
    }
  }

  private columnsOf(lessons: readonly Lesson[], scores: ScoreColumns, sums: Sums) {
    const { advantages, objective } = this.options
    const scored = Object.keys(scores)
    const withScores = (columns: readonly Record<string, ArrayLike<number>>[]) =>
      columns.map((column, index) => ({
        ...column,
        ...Object.fromEntries(Object.entries(scores).map(([name, values]) => [name, values[index] as Float32Array])),
      }))
    if (typeof advantages === 'string') {
      return { columns: withScores(groupColumns(lessons)), names: ['advantages', 'rollout', ...scored] }
    }
    const { columns, kl } = gaeColumns(lessons, scores, { ...advantages, klWeight: this.controller.weight })
    if (this.options.kl) {
      sums.asIs.rewardKl = kl
      sums.asIs.klWeight = this.controller.weight
      this.controller.update(kl, lessons.length)
    }
    const names = ['advantages', 'rollout', 'returns', ...scored]
    return { columns: withScores(columns), names: objective.value ? names : names.filter((name) => name !== 'returns') }
  }

  private async update(
    lessons: readonly Lesson[],
    columns: readonly Record<string, ArrayLike<number>>[],
    names: readonly string[],
    needed: readonly boolean[] | undefined,
    rate: number,
    sums: Sums,
  ): Promise<void> {
    const { aggregation, maxNewTokens, shape } = this.options
    const weights = aggregations[aggregation](
      lessons.map(({ rollout }) => rollout.ids.length),
      { longest: maxNewTokens },
    )
    const experiences: Experience[] = lessons.flatMap(({ prompt, rollout }, index) => {
      if (needed && !needed[index]) return []
      const weight = new Float32Array(rollout.ids.length).fill(weights[index] as number)
      return [{ prompt, completion: rollout.ids, columns: { ...columns[index], weights: weight } }]
    })
    if (experiences.length === 0) return
    const packed = packExperiences(experiences, [...names, 'weights'], shape)
    try {
      this.updates++
      const of = packed.batches.length
      for (const [index, batch] of packed.batches.entries()) {
        const found = await this.training.run(batch, { index, of, weight: 1 }, this.updates, rate)
        sums.loss += found.loss
        if (index === of - 1) sums.norm += found.norm
        for (const [name, sum] of Object.entries(found.metrics)) sums.metrics[name] = (sums.metrics[name] ?? 0) + sum
      }
    } finally {
      packed.dispose()
    }
    sums.updates++
    for (const { prompt, completion } of experiences) {
      sums.counted += completion.length
      sums.tokens += prompt.length + completion.length - 1
    }
  }
}
