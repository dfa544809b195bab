import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from 'pino'
import type { ApiKey, Store } from '../store/index.ts'
import type { Authenticator } from './access/authenticator.ts'
import type { RateLimits } from './access/rate-limits.ts'
import type { UsageWriter } from './access/usage-writer.ts'
import type { ServeConfig } from './config/schema.ts'
import type { Admission } from './http/admission.ts'
import type { ModelPool } from './models/pool.ts'
import type { Metrics } from './observe/metrics.ts'

/** What all routes of a server share. */
export interface ServeContext {
  readonly config: ServeConfig
  readonly store: Store
  readonly pool: ModelPool
  readonly admission: Admission
  readonly auth: Authenticator
  readonly limits: RateLimits
  readonly usage: UsageWriter
  readonly log: Logger
  readonly metrics: Metrics
  readonly version: string
  /** On the clock of `performance.now()`. */
  readonly startedAt: number
}

/** Who sent a request. */
export interface Caller {
  /** Whose data it is: `local` where no keys are set, the key's user otherwise, `admin` for the admin key. */
  readonly user: string
  /** Id of the key in the store. */
  readonly key: string | undefined
  readonly admin: boolean
  /** What prompts share the cache with: callers of other keys cannot tell by the time what was asked before. */
  readonly salt: string
}

/** What handlers find in Hono's context: `c.var.caller`. */
export interface ServeEnv {
  readonly Variables: {
    caller: Caller
    /** The caller's key in the store, where there is one. */
    key: ApiKey | undefined
    requestId: string
    /** On the clock of `performance.now()`. */
    arrivedAt: number
  }
}

export type ServeApp = OpenAPIHono<ServeEnv>
