import type { z } from 'zod'

/** What a stage is given besides its options. */
export interface StageContext {
  /** Where the stage writes: `checkpoint/`, `metrics.jsonl`, `state/`. It exists. */
  readonly folder: string
  /** Relative paths of the options begin here. */
  readonly base: string
  /** Folder of the checkpoint the stage starts from. */
  readonly parent: string
  readonly seed: number
  /** Threads of a step; what the machine has without it. The result of a run does not depend on it beyond rounding. */
  readonly threads?: number | undefined
  /** Whether to go on from `state/`, where there is one. */
  readonly resume: boolean
  readonly signal: AbortSignal | undefined
  /** One line of `metrics.jsonl`, also shown while a person watches. */
  report(line: Readonly<Record<string, number | string | boolean>>): Promise<void>
}

/** What a stage will need, said before anything starts. */
export interface StagePlan {
  readonly parameters: number
  readonly steps: number
  readonly tokens: number
  /** Floating-point operations of the whole stage. */
  readonly operations: number
  /** Bytes of memory at the most. */
  readonly memory: number
}

/** What a stage leaves behind besides its checkpoint. */
export interface StageResult {
  /** Folder of the checkpoint it wrote; its parent's where it writes none. */
  readonly checkpoint: string
  readonly metrics: Readonly<Record<string, number>>
  /** SHA-256 of each data file, by its name in the recipe. */
  readonly data: Readonly<Record<string, string>>
}

/** One stage of a recipe: a checkpoint in, a checkpoint out. */
export interface Stage<Schema extends z.ZodType = z.ZodType> {
  /** The key in the recipe. */
  readonly name: string
  /** One sentence for help and docs. */
  readonly summary: string
  /** Checks the options; descriptions of the fields are the reference of the recipe language. */
  readonly options: Schema
  /** Looks at all that is needed before anything runs. @throws R1Error naming what is missing */
  plan(options: z.output<Schema>, context: StageContext): Promise<StagePlan>
  run(options: z.output<Schema>, context: StageContext): Promise<StageResult>
}
