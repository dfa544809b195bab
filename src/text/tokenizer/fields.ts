import { R1Error } from '../../errors.ts'

/** A checked view of an object that came from a file: every read says where the fault lies. */
export class Fields {
  readonly where: string
  private readonly values: Record<string, unknown>

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw badTokenizer(`${where} must be an object`)
    this.values = value as Record<string, unknown>
    this.where = where
  }

  /** The raw value; own properties only, so that `__proto__` and its like are plain absent keys. */
  value(key: string): unknown {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined
  }

  has(key: string): boolean {
    const value = this.value(key)
    return value !== undefined && value !== null
  }

  string(key: string, fallback?: string): string {
    return this.typed(key, 'string', fallback)
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.typed(key, 'boolean', fallback)
  }

  number(key: string, fallback?: number): number {
    return this.typed(key, 'number', fallback)
  }

  list(key: string, fallback?: readonly unknown[]): readonly unknown[] {
    const value = this.has(key) ? this.value(key) : fallback
    if (!Array.isArray(value)) throw badTokenizer(`${this.where}.${key} must be a list`)
    return value
  }

  object(key: string): Fields {
    return new Fields(this.value(key), `${this.where}.${key}`)
  }

  objects(key: string): Fields[] {
    return this.list(key, []).map((value, index) => new Fields(value, `${this.where}.${key}[${index}]`))
  }

  entries(): [string, unknown][] {
    return Object.entries(this.values)
  }

  private typed<T>(key: string, type: string, fallback: T | undefined): T {
    const value = this.has(key) ? this.value(key) : fallback
    if (typeof value === type) return value as T
    throw badTokenizer(`${this.where}.${key} must be a ${type}`)
  }
}

const highestId = 2 ** 22

/** Checks a token id from a file, so that no table is sized by a file's word alone. */
export function tokenId(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < highestId) return value
  throw badTokenizer(`${where} must be a token id (a whole number from 0 to ${highestId - 1})`)
}

export function badTokenizer(message: string, cause?: unknown): R1Error {
  return new R1Error('bad-tokenizer', `The tokenizer cannot be read: ${message}.`, {
    remedy: 'Fetch the tokenizer files again, or save them with a current library.',
    cause,
  })
}
