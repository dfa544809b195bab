import { badCheckpoint } from '../failure.ts'
import type { FieldRule } from './families.ts'
import type { GgufValue } from './value.ts'

/** The shortest decimal that is the same f32: 9.999999747378752e-6 was once written 1e-5. */
export function shortestFloat(value: number): number {
  for (let digits = 1; digits < 10; digits += 1) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

/** The largest whole number of metadata that is taken seriously: sizes, counts and token ids stay far below. */
const wholeLimit = 2 ** 40

/** Metadata of a GGUF file with types checked as they are asked for. */
export class MetadataReader {
  readonly #metadata: ReadonlyMap<string, GgufValue>
  readonly #file: string
  readonly #architecture: string

  constructor(metadata: ReadonlyMap<string, GgufValue>, architecture: string, file: string) {
    this.#metadata = metadata
    this.#architecture = architecture
    this.#file = file
  }

  #wrong(key: string, wanted: string): never {
    throw badCheckpoint(this.#file, `its metadata ${key} is not ${wanted}`)
  }

  /** A non-negative whole number. A list, one number a layer, counts as that number where all are equal. */
  whole(key: string): number | undefined {
    const stored = this.#metadata.get(key)
    if (stored === undefined) return undefined
    const value = ArrayBuffer.isView(stored) ? onlyValue(stored) : stored
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > wholeLimit) {
      this.#wrong(key, 'one whole number')
    }
    return value
  }

  real(key: string): number | undefined {
    const value = this.#metadata.get(key)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isFinite(value)) this.#wrong(key, 'a number')
    return shortestFloat(value)
  }

  truth(key: string): boolean | undefined {
    const value = this.#metadata.get(key)
    if (value !== undefined && typeof value !== 'boolean') this.#wrong(key, 'true or false')
    return value
  }

  text(key: string): string | undefined {
    const value = this.#metadata.get(key)
    if (value !== undefined && typeof value !== 'string') this.#wrong(key, 'a text')
    return value
  }

  /** The full name of an architecture's key. */
  own(key: string): string {
    return `${this.#architecture}.${key}`
  }

  /** A field of a family. @throws R1Error 'bad-checkpoint' where a required one is absent */
  field({ gguf, type, fallback }: FieldRule): number | boolean {
    const key = this.own(gguf)
    const value = type === 'U32' ? this.whole(key) : type === 'F32' ? this.real(key) : this.truth(key)
    if (value !== undefined) return value
    if (fallback === undefined) throw badCheckpoint(this.#file, `its metadata lacks ${key}`)
    return fallback
  }
}

function onlyValue(values: ArrayBufferView & { readonly [index: number]: number | bigint }): number | undefined {
  const numbers = Array.from(values as unknown as ArrayLike<number | bigint>, Number)
  return numbers.every((value) => value === numbers[0]) ? numbers[0] : undefined
}
