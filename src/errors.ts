/** Options of an {@link R1Error}: what the reader can do about it, and what caused it. */
export interface R1ErrorOptions {
  /** One short sentence that tells the reader how to mend it. */
  remedy?: string
  cause?: unknown
}

const marker = Symbol.for('deepseek-r1.error')

/**
 * The one error class of the package: a stable kebab-case `code` to test for, a message for people and a remedy.
 *
 * @example
 * try { await run() } catch (error) { if (R1Error.isInstance(error, 'shape-mismatch')) … }
 */
export class R1Error extends Error {
  override readonly name = 'R1Error'
  readonly code: string
  readonly remedy: string | undefined
  readonly [marker] = true

  constructor(code: string, message: string, options: R1ErrorOptions = {}) {
    super(options.remedy ? `${message} ${options.remedy}` : message, { cause: options.cause })
    this.code = code
    this.remedy = options.remedy
  }

  /** True for an error of this package, also one made by another copy of it; with `code`, only for that code. */
  static isInstance(error: unknown, code?: string): error is R1Error {
    return error instanceof Error && marker in error && (code === undefined || (error as R1Error).code === code)
  }
}
