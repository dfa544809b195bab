import type { LoadedModel } from '../models/index.ts'
import type { QuantisedVariables } from '../tensor/index.ts'

/** A model for an engine; some of its weights may be kept in packed blocks. */
export interface EngineModel extends LoadedModel {
  /** Which parameters are packed, and how; none without it. */
  readonly stored?: QuantisedVariables
}
