import { R1Error } from '../../errors.ts'
import type { EngineOptions } from '../engine-options.ts'
import type { FinishReason } from '../guide.ts'
import type { Finish, GeneratedToken, TokenRequest } from '../request.ts'
import type { EngineStatistics } from '../statistics.ts'
import type { LoadTextOptions } from '../text/text-model.ts'

/*
 * What an engine in a process of its own and the process that uses it say to each other. Guides stay with the user: the
 * engine is told before each token what they want.
 */

/** What a process of its own loads. */
export interface WorkerModel extends Pick<LoadTextOptions, 'weights'> {
  /** A folder, a .gguf or .safetensors file, or a model on the hub. */
  readonly model: string
  /** Of its engine. */
  readonly engine: EngineOptions
}

/** What is known of a model that runs elsewhere. */
export interface WorkerFacts {
  readonly modelType: string
  readonly vocabulary: number
  /** Most tokens of prompt and text. */
  readonly context: number
  /** Whether it can generate text; otherwise it only makes vectors. */
  readonly generates: boolean
  /** Most tokens of a text that a vector is made of. */
  readonly embeddingLength: number
  readonly parameters: number
  readonly weightBytes: number
  /** What most of the weights are kept in. */
  readonly weightType: string
}

/** A request without what cannot be sent. */
export type PlainRequest = Omit<TokenRequest, 'guide' | 'signal'>

/** Who has to be asked before each token: nobody, or a guide, which may forbid tokens. */
export type Guidance = 'none' | 'asks' | 'restricts'

/** What a guide wants of the next token. */
export interface Wish {
  readonly ended?: FinishReason | undefined
  readonly forced?: number | undefined
  /** One bit for each token that is allowed; all are without it. */
  readonly allowed?: Uint8Array | undefined
}

/** To the engine. */
export type Command =
  | ({ readonly kind: 'load' } & WorkerModel)
  | { readonly kind: 'generate'; readonly id: number; readonly request: PlainRequest; readonly guidance: Guidance }
  | { readonly kind: 'wish'; readonly id: number; readonly wish: Wish }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'embed'; readonly id: number; readonly texts: readonly Int32Array[] }
  | { readonly kind: 'close' }

/** What has become of a request. */
export type WorkerEvent =
  | { readonly kind: 'token'; readonly id: number; readonly token: GeneratedToken }
  | { readonly kind: 'finish'; readonly id: number; readonly finish: Finish }
  | { readonly kind: 'vectors'; readonly id: number; readonly vectors: readonly Float32Array[] }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }

/** From the engine. */
export type Report =
  | { readonly kind: 'ready'; readonly facts: WorkerFacts; readonly statistics: EngineStatistics | undefined }
  | { readonly kind: 'refused'; readonly error: PlainError }
  | {
      readonly kind: 'events'
      readonly events: readonly WorkerEvent[]
      readonly statistics: EngineStatistics | undefined
    }

/** An error as data. */
export interface PlainError {
  readonly code: string
  readonly message: string
  readonly remedy: string | undefined
}

export function plainError(error: unknown): PlainError {
  if (!R1Error.isInstance(error)) return { code: 'unexpected', message: String(error), remedy: undefined }
  const { code, message, remedy } = error
  return { code, message: remedy === undefined ? message : message.slice(0, -remedy.length - 1), remedy }
}

export function errorOf({ code, message, remedy }: PlainError): R1Error {
  return new R1Error(code, message, remedy === undefined ? {} : { remedy })
}
