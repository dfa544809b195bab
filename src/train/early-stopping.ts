import type { Json } from '../data/index.ts'

export interface EarlyStoppingOptions {
  /** Evaluations without progress after which training ends. */
  readonly patience?: number
  /** What counts as progress: the loss falls by more than this. */
  readonly delta?: number
}

/** Ends training when the evaluated loss no longer falls. */
export class EarlyStopping {
  private readonly patience: number
  private readonly delta: number
  private best = Number.POSITIVE_INFINITY
  private waited = 0

  constructor({ patience = 5, delta = 0 }: EarlyStoppingOptions = {}) {
    this.patience = patience
    this.delta = delta
  }

  /** Takes the loss of an evaluation. @returns whether it is the best so far, and whether to stop */
  observe(loss: number): { readonly best: boolean; readonly stop: boolean } {
    const best = loss < this.best - this.delta
    if (best) this.best = loss
    this.waited = best ? 0 : this.waited + 1
    return { best, stop: this.waited >= this.patience }
  }

  state(): Json {
    return { best: Number.isFinite(this.best) ? this.best : null, waited: this.waited }
  }

  restore(state: Json): void {
    const { best, waited } = state as { best: number | null; waited: number }
    this.best = best ?? Number.POSITIVE_INFINITY
    this.waited = waited
  }
}
