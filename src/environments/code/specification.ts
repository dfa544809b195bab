import type { Uniform } from '../random.ts'
import type { JsonValue } from '../sandbox/task.ts'

/** A function to be written: what it shall do in words, and one that does it. */
export interface Specification {
  /** Such as `the sum of the even numbers in list`, in both languages. */
  readonly en: string
  readonly zh: string
  /** What the function takes. */
  readonly parameter: 'list' | 'text'
  /** The body of a function that does it. */
  readonly body: string
  /** What is right for an argument. */
  apply(argument: JsonValue): JsonValue
  /** An argument to try. */
  draw(random: Uniform): JsonValue
}
