import { R1Error } from '../../errors.ts'
import type { Json } from './stream.ts'

/** Reads the state of a stream back, field by field: a state of another kind of stream gives an error, not nonsense. */
export class StateReader {
  private readonly fields: { readonly [key: string]: Json }
  private readonly stream: string

  /** @param stream what the state is for, in words */
  constructor(stream: string, state: Json) {
    this.stream = stream
    if (typeof state !== 'object' || state === null || Array.isArray(state)) throw this.wrong('it is no object')
    this.fields = state as { readonly [key: string]: Json }
  }

  /** A whole number from 0. */
  count(name: string): number {
    const value = this.number(name)
    if (!Number.isSafeInteger(value) || value < 0) throw this.wrong(`"${name}" is no count`)
    return value
  }

  number(name: string): number {
    const value = this.fields[name]
    if (typeof value !== 'number') throw this.wrong(`"${name}" is no number`)
    return value
  }

  numbers(name: string): number[] {
    const values = this.list(name)
    if (!values.every((value) => typeof value === 'number')) throw this.wrong(`"${name}" are no numbers`)
    return values as number[]
  }

  list(name: string): readonly Json[] {
    const value = this.fields[name]
    if (!Array.isArray(value)) throw this.wrong(`"${name}" is no list`)
    return value
  }

  text(name: string): string {
    const value = this.fields[name]
    if (typeof value !== 'string') throw this.wrong(`"${name}" is no text`)
    return value
  }

  /** Any value; null where there is none. */
  any(name: string): Json {
    return this.fields[name] ?? null
  }

  wrong(found: string): R1Error {
    return new R1Error('bad-state', `The saved state does not fit ${this.stream}: ${found}.`, {
      remedy: 'Resume with the options that the state was saved with, or start afresh.',
    })
  }
}
