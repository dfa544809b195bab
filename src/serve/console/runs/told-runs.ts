import { basename, dirname, join, resolve } from 'node:path'
import type { RunRecord, Runs } from '../../../store/index.ts'
import { inside } from './inside.ts'
import { listRuns, type RunState, readRun } from './run-folders.ts'

/** Files are written a moment before or after the server is told. */
const slackMilliseconds = 5_000

/**
 * Runs of the server's own folder, and those that `r1 run` told it of, wherever they lie. The folders say how far a run is;
 * that it failed or was stopped, only who ran it can say at once.
 */
export class ToldRuns {
  private readonly root: string
  private readonly runs: Runs

  constructor(root: string, runs: Runs) {
    this.root = resolve(root)
    this.runs = runs
  }

  async list(): Promise<RunState[]> {
    const records = await this.records()
    const own = await listRuns(this.root)
    const known = new Set(own.map(({ name }) => name))
    const elsewhere = records.filter(({ folder, name }) => dirname(folder) !== this.root && !known.has(name))
    const others = await Promise.all(
      elsewhere.map(({ folder, name }) => readRun(dirname(folder), name).then(stateOf, () => undefined)),
    )
    const all = [...own.map((run) => told(run, this.root, records)), ...others.flatMap((run) => run ?? [])]
    return all
      .map((run) => told(run, undefined, elsewhere))
      .sort((one, two) => (two.updatedAt ?? '').localeCompare(one.updatedAt ?? ''))
  }

  /** @throws R1Error `not-found` */
  async read(name: string): Promise<RunState & { readonly config: unknown }> {
    const root = await this.rootOf(name)
    const run = await readRun(root, name)
    return { ...run, ...told(run, root, await this.records()) }
  }

  /**
   * The folder in which a run lies; a name of the server's own folder comes first.
   *
   * @throws R1Error `not-found`
   */
  async rootOf(name: string): Promise<string> {
    try {
      await inside(this.root, name)
      return this.root
    } catch (error) {
      const record = (await this.records()).find((one) => one.name === name && basename(one.folder) === name)
      if (!record) throw error
      await inside(dirname(record.folder), name)
      return dirname(record.folder)
    }
  }

  /** What was told, the latest first. Folders can be read without a database too. */
  private async records(): Promise<readonly RunRecord[]> {
    return this.runs.list().catch(() => [])
  }
}

const stateOf = ({ config: _, ...state }: RunState & { readonly config: unknown }): RunState => state

/** A run with the end that was told of it, unless its files have changed since: then it was resumed. */
function told(run: RunState, root: string | undefined, records: readonly RunRecord[]): RunState {
  const record = records.find(({ folder, name }) =>
    root === undefined ? name === run.name : folder === join(root, run.name),
  )
  const touched = run.updatedAt === null ? 0 : new Date(run.updatedAt).getTime()
  const isEnd = record?.status === 'failed' || record?.status === 'stopped'
  if (!record || !isEnd || run.status === 'finished' || touched > record.updatedAt + slackMilliseconds) return run
  const stages = run.stages.map((stage) =>
    stage.status === 'running' || stage.status === 'stopped' ? { ...stage, status: record.status } : stage,
  )
  return { ...run, status: record.status, stages }
}
