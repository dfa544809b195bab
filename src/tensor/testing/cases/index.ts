import type { OperatorCase } from '../case.ts'
import { cacheCases } from './cache.ts'
import { codedCases } from './coded.ts'
import { drawCases } from './draw.ts'
import { elementwiseCases } from './elementwise.ts'
import { expertCases } from './experts.ts'
import { indexingCases } from './indexing.ts'
import { latentCases } from './latent.ts'
import { networkCases } from './network.ts'
import { productCases } from './product.ts'
import { quantisedCases } from './quantised.ts'
import { reductionCases } from './reduction.ts'
import { shapeCases } from './shape.ts'
import { stateCases } from './state.ts'

/** A use of every operator of the table, with its values and how its gradients are checked. */
export const cases: readonly OperatorCase[] = [
  ...elementwiseCases,
  ...shapeCases,
  ...reductionCases,
  ...drawCases,
  ...indexingCases,
  ...productCases,
  ...expertCases,
  ...quantisedCases,
  ...codedCases,
  ...networkCases,
  ...stateCases,
  ...cacheCases,
  ...latentCases,
]
