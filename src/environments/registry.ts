import { arithmetic } from './arithmetic/arithmetic.ts'
import { multiplication } from './arithmetic/multiplication.ts'
import { code } from './code/code.ts'
import { countdown } from './countdown/countdown.ts'
import { linearEquations } from './equations/linear-equations.ts'
import { format } from './format.ts'
import { gsm8k } from './gsm8k/gsm8k.ts'
import { humanEval } from './humaneval/humaneval.ts'
import { manners } from './manners/manners.ts'
import { listPrograms } from './programs/list-programs.ts'
import type { ShippedEnvironment } from './shipped.ts'

/** The environments that come with the package, by name. */
export const environments: ReadonlyMap<string, ShippedEnvironment> = new Map(
  [countdown, multiplication, arithmetic, linearEquations, listPrograms, code, gsm8k, humanEval, format, manners].map(
    (environment) => [environment.name, environment],
  ),
)
