import { type Logger, pino } from 'pino'
import type { ServeConfig } from '../config/schema.ts'

/** The log of a server: lines of JSON on standard error, in which no secret is ever written. */
export function createLog({ logLevel }: Pick<ServeConfig, 'logLevel'>): Logger {
  return pino(
    {
      level: logLevel,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['authorization', '*.authorization', 'headers', '*.headers', 'adminKey'], remove: true },
    },
    pino.destination({ dest: 2, sync: false }),
  )
}
