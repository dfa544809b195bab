/** A value that JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

export interface SandboxLimits {
  /** Milliseconds for reading the code and all calls together. */
  readonly milliseconds: number
  /** Bytes of memory. */
  readonly memory: number
  /** Bytes of stack. */
  readonly stack: number
  /** Characters of the code, and of what a call gives back. */
  readonly characters: number
}

export const sandboxLimits: SandboxLimits = {
  milliseconds: 1000,
  memory: 16 * 2 ** 20,
  stack: 256 * 2 ** 10,
  characters: 100_000,
}

/** What a call gave, or why it gave nothing. */
export type CallResult =
  | { readonly value: JsonValue; readonly failure?: undefined }
  | { readonly value?: undefined; readonly failure: string }

/** What came of some code. */
export interface SandboxRun {
  /** Why the code could not be read or has no such function; undefined where it could be called. */
  readonly failure: string | undefined
  /** One for each call, until time was up. */
  readonly results: readonly CallResult[]
}

/** Code, the function in it that is called, and the arguments of each call. */
export interface SandboxTask {
  readonly code: string
  readonly name: string
  readonly calls: readonly (readonly JsonValue[])[]
  readonly limits: SandboxLimits
}

export const timeIsUp = 'Time is up.'
