import type { LoadedModel } from '../models/index.ts'
import { type AdapterOptions, Scope } from '../nn/index.ts'
import type { QuantisedVariables } from '../tensor/index.ts'

/** A model for an engine; some of its weights may be kept in packed blocks. */
export interface EngineModel extends LoadedModel {
  /** Which parameters are packed, and how; none without it. */
  readonly stored?: QuantisedVariables
  /** An adapter beside the weights, which stay as they are: what `addAdapter` returned. */
  readonly adapter?: AdapterOptions
}

/** A scope over the model's parameters, those of its adapter among them. */
export const scopeOf = ({ adapter }: EngineModel): Scope => new Scope(adapter ? { adapter } : {})
