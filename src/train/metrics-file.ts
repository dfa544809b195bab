import { type FileHandle, open, readFile } from 'node:fs/promises'
import { fileFailure } from '../checkpoint/failure.ts'

/** One line of a metrics file: a step and what was measured at it. */
export type MetricsLine = Readonly<Record<string, number | string | boolean>>

/** `metrics.jsonl`: one JSON object a line, appended. A line cut by a crash is dropped when the file is opened again. */
export class MetricsFile {
  private readonly handle: FileHandle
  private readonly path: string

  private constructor(handle: FileHandle, path: string) {
    this.handle = handle
    this.path = path
  }

  /**
   * Opens the file for appending, without the lines after a step: those are made again.
   *
   * @throws R1Error `disk-full`, `file-failure`
   */
  static async open(path: string, lastStep: number): Promise<MetricsFile> {
    try {
      const kept = lastStep > 0 ? await keptLines(path, lastStep) : ''
      const handle = await open(path, 'w')
      await handle.write(kept)
      return new MetricsFile(handle, path)
    } catch (error) {
      throw fileFailure(path, error)
    }
  }

  async append(line: MetricsLine): Promise<void> {
    try {
      await this.handle.write(`${JSON.stringify(line)}\n`)
    } catch (error) {
      throw fileFailure(this.path, error)
    }
  }

  async close(): Promise<void> {
    await this.handle.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function keptLines(path: string, lastStep: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => {
    const step = stepOf(line)
    return step !== undefined && step <= lastStep
  })
  return lines.map((line) => `${line}\n`).join('')
}

function stepOf(line: string): number | undefined {
  try {
    const { step } = JSON.parse(line) as { step?: unknown }
    return typeof step === 'number' ? step : undefined
  } catch {
    return undefined
  }
}
