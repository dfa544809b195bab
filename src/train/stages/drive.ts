import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MetricsFile } from '../metrics-file.ts'
import type { StepReport, Trainer } from '../trainer.ts'
import type { StageContext } from './stage.ts'

export interface DriveOptions {
  /** Steps between two saved states. */
  readonly saveEvery: number
}

/** Where a stage keeps what it needs to go on. */
export const stateFile = (folder: string): string => join(folder, 'state', 'state.safetensors')

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/**
 * Runs a trainer to its end inside a stage: tries a step first, goes on from the stage's state where that is asked for,
 * writes a line of metrics a step, and saves its state every so many steps.
 *
 * @returns the last report; undefined where all was done before
 */
export async function drive(
  trainer: Trainer,
  context: StageContext,
  { saveEvery }: DriveOptions,
): Promise<StepReport | undefined> {
  const { folder, resume, signal } = context
  const state = stateFile(folder)
  await trainer.preflight()
  if (resume && (await exists(state))) await trainer.restore(state)
  await using metrics = await MetricsFile.open(join(folder, 'metrics.jsonl'), trainer.step)
  let last: StepReport | undefined
  for await (const report of trainer.run({ signal })) {
    last = report
    const line = lineOf(report)
    await metrics.append(line)
    await context.report(line)
    if (report.step % saveEvery === 0 || report.step === report.steps) await trainer.save(state)
  }
  return last
}

function lineOf({ metrics, ...report }: StepReport): Readonly<Record<string, number | boolean>> {
  const { evaluated, best, ...always } = report
  return {
    ...always,
    ...metrics,
    ...(evaluated !== undefined && { evaluated }),
    ...(best !== undefined && { best }),
  }
}
