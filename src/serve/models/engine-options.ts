import type { EngineOptions } from '../../generate/index.ts'
import type { ServeConfig } from '../config/schema.ts'

/** What the configuration says of engines. */
export type LoadConfig = Pick<
  ServeConfig,
  'slots' | 'context' | 'threads' | 'weights' | 'cacheType' | 'mostRequests' | 'mostQueuedTokens' | 'isolate'
>

export function engineOptions({
  slots,
  context,
  threads,
  cacheType,
  mostRequests,
  mostQueuedTokens,
}: LoadConfig): EngineOptions {
  return {
    slots,
    cacheType,
    // Requests are counted where they come in; each may ask for several texts.
    queue: { requests: mostRequests * 32, tokens: mostQueuedTokens * 32 },
    ...(context !== undefined && { context }),
    ...(threads !== undefined && { threads }),
  }
}
