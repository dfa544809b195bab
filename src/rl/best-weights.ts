import { join } from 'node:path'
import { z } from 'zod'
import { openSafetensorsFile } from '../checkpoint/safetensors/read.ts'
import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/load.ts'
import { readState, writeState } from '../train/state.ts'

const schema = z.object({ step: z.number(), score: z.number(), measured: z.record(z.string(), z.number()) })

/** The step after which the weights were the best, what they are compared by, and all that was measured then. */
export type Best = z.output<typeof schema>

/** Keeps the weights that did best on held-out problems in a file beside a stage's state, to go back to. */
export class BestWeights {
  private readonly loaded: LoadedModel
  private readonly path: string
  private current: Best | undefined

  private constructor(loaded: LoadedModel, path: string, current: Best | undefined) {
    this.loaded = loaded
    this.path = path
    this.current = current
  }

  /**
   * @param folder of the stage
   * @param step to which the run has come: what was kept of later ones will be kept again
   * @throws R1Error `bad-state`, `file-failure`
   */
  static async open(loaded: LoadedModel, folder: string, step: number): Promise<BestWeights> {
    const path = join(folder, 'state', 'best.safetensors')
    const kept = step > 0 ? await keptIn(path) : undefined
    return new BestWeights(loaded, path, kept && kept.step <= step ? kept : undefined)
  }

  /** The step after which the weights were the best; undefined where nothing was measured. */
  get step(): number | undefined {
    return this.current?.step
  }

  /** Keeps the weights of now where they are better than all before. @throws R1Error `disk-full`, `file-failure` */
  async offer(best: Best): Promise<void> {
    if (this.current && this.current.score >= best.score) return
    const names = this.loaded.model.parameters().map(({ name }) => name)
    await writeState(this.path, this.loaded.variables, names, best)
    this.current = best
  }

  /** Goes back to the best weights. @returns undefined where nothing was measured @throws R1Error `bad-state` */
  async restore(): Promise<Best | undefined> {
    if (this.current) await readState(this.path, this.loaded.variables)
    return this.current
  }
}

async function keptIn(path: string): Promise<Best | undefined> {
  try {
    await using file = await openSafetensorsFile(path)
    return schema.parse(JSON.parse(String(file.metadata.get('progress'))))
  } catch (error) {
    // A stage without `measure` keeps none.
    if (error instanceof R1Error && error.code === 'file-not-found') return undefined
    throw error
  }
}
