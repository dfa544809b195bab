import { R1Error } from '../errors.ts'
import type { TokenRequest } from './request.ts'
import type { EngineStatistics } from './statistics.ts'
import type { TokenStream } from './token-stream.ts'

/** What generates: an `Engine` in this process, or an `EngineWorker`, whose engine runs in a process of its own. */
export interface EngineLike extends AsyncDisposable {
  /** Most tokens of prompt and text. */
  readonly context: number
  readonly statistics: EngineStatistics
  /**
   * Asks for a text; its tokens come as they are generated.
   *
   * @throws R1Error `empty-prompt`, `bad-token`, `context-too-long`, `bad-option`, `queue-full`, `disposed`; the stream
   * throws `aborted`, `bad-logits`, `engine-failed`, `engine-died`
   */
  generate(request: TokenRequest): TokenStream
  /** Refuses new requests, fails those under way and frees the memory. */
  close(): Promise<void>
}

/** Codes of errors after which the same request may succeed. */
const retryable = new Set(['engine-failed', 'engine-died', 'queue-full'])

/** Whether the same request may succeed when it is made again. */
export function isRetryable(error: unknown): boolean {
  return R1Error.isInstance(error) && retryable.has(error.code)
}
