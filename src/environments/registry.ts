import { countdown } from './countdown/countdown.ts'
import type { ShippedEnvironment } from './shipped.ts'

/** The environments that come with the package, by name. */
export const environments: ReadonlyMap<string, ShippedEnvironment> = new Map(
  [countdown].map((environment) => [environment.name, environment]),
)
