import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { RunStatus } from '../../../store/index.ts'
import { inside, isName } from './inside.ts'
import { lastRow } from './json-lines.ts'

/** What is read of a stage's `run.json`; the folder is the interface to whoever trains. */
const runFileSchema = z.object({
  stage: z.string(),
  seed: z.number().optional(),
  options: z.unknown().optional(),
  status: z.enum(['running', 'done', 'failed']),
  result: z.unknown().optional(),
})

type RunFile = z.output<typeof runFileSchema>

export interface StageState {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly status: RunStatus
  readonly step: number | null
  readonly steps: number | null
  readonly loss: number | null
}

export interface RunState {
  readonly name: string
  readonly status: RunStatus
  readonly startedAt: string | null
  readonly updatedAt: string | null
  readonly stages: readonly StageState[]
}

/** A stage that wrote nothing for so long has stopped: its process was ended without a word. */
const silenceMilliseconds = 120_000

/** Files that a stage writes while it works. */
const livingFiles = ['run.json', 'metrics.jsonl', 'samples.jsonl', 'state', 'checkpoint']

interface StageFolder {
  readonly state: StageState
  readonly file: RunFile | undefined
  readonly startedAt: number
  readonly updatedAt: number
}

async function readRunFile(folder: string): Promise<RunFile | undefined> {
  try {
    return runFileSchema.parse(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')))
  } catch {
    // Not there, or not whole yet.
    return undefined
  }
}

async function timesOf(folder: string): Promise<readonly [startedAt: number, updatedAt: number]> {
  const found = await Promise.all(livingFiles.map((name) => stat(join(folder, name)).catch(() => undefined)))
  const { birthtimeMs, mtimeMs } = await stat(folder)
  const born = birthtimeMs > 0 ? birthtimeMs : mtimeMs
  return [born, Math.max(mtimeMs, ...found.map((entry) => entry?.mtimeMs ?? 0))]
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

function statusOf(file: RunFile | undefined, updatedAt: number): RunStatus {
  if (file?.status === 'done') return 'finished'
  if (file?.status === 'failed') return 'failed'
  return Date.now() - updatedAt > silenceMilliseconds ? 'stopped' : 'running'
}

async function readStage(folder: string, name: string): Promise<StageFolder> {
  const [file, row, [startedAt, updatedAt]] = await Promise.all([
    readRunFile(folder),
    lastRow(join(folder, 'metrics.jsonl')),
    timesOf(folder),
  ])
  const state: StageState = {
    index: Number(name.slice(0, 2)),
    name,
    kind: file?.stage ?? name.slice(3),
    status: statusOf(file, updatedAt),
    step: numberOf(row?.step),
    steps: numberOf(row?.steps),
    loss: numberOf(row?.loss),
  }
  return { state, file, startedAt, updatedAt }
}

/** Names of a run's stages in their order: `01-pretrain`, `02-sft`; `00-model` is what it begins with. */
export async function stageNames(run: string): Promise<string[]> {
  const entries = await readdir(run, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return names.filter((name) => /^\d\d-/.test(name) && !name.startsWith('00-') && isName(name)).sort()
}

async function readStages(folder: string): Promise<StageFolder[]> {
  const names = await stageNames(folder)
  return Promise.all(names.map((name) => readStage(join(folder, name), name)))
}

function stateOf(name: string, stages: readonly StageFolder[]): RunState {
  const statuses = stages.map(({ state }) => state.status)
  const last = statuses.at(-1)
  const status = statuses.find((one) => one === 'failed' || one === 'running') ?? last ?? 'stopped'
  const time = (milliseconds: number) => (Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : null)
  return {
    name,
    status,
    startedAt: time(Math.min(...stages.map(({ startedAt }) => startedAt))),
    updatedAt: time(Math.max(...stages.map(({ updatedAt }) => updatedAt))),
    stages: stages.map(({ state }) => state),
  }
}

/** All runs of a folder, the latest first. What is no run, or goes away meanwhile, is passed over. */
export async function listRuns(root: string): Promise<RunState[]> {
  const names = (await readdir(root).catch(() => [])).filter(isName)
  const found = await Promise.all(
    names.map(async (name) => {
      const stages = await inside(root, name)
        .then(readStages)
        .catch(() => [])
      return stages.length === 0 ? [] : [stateOf(name, stages)]
    }),
  )
  return found.flat().sort((one, two) => (two.updatedAt ?? '').localeCompare(one.updatedAt ?? ''))
}

/**
 * One run with what its stages were told.
 *
 * @throws R1Error `not-found`
 */
export async function readRun(root: string, name: string): Promise<RunState & { readonly config: unknown }> {
  const stages = await readStages(await inside(root, name))
  const told = stages.map(({ file, state }) => ({ stage: state.kind, options: file?.options, result: file?.result }))
  const seed = stages.find(({ file }) => file?.seed !== undefined)?.file?.seed
  return { ...stateOf(name, stages), config: { name, seed, stages: told } }
}
