import type { GgufValue } from './value.ts'

/**
 * Metadata in which long values are made when somebody first asks for them: a vocabulary is most of a header, and a model
 * loads without it.
 */
export class LateMap extends Map<string, GgufValue> {
  readonly #late = new Map<string, () => GgufValue>()

  /** Adds a value that is made at its first use. */
  setLate(key: string, make: () => GgufValue): void {
    this.set(key, '')
    this.#late.set(key, make)
  }

  override get(key: string): GgufValue | undefined {
    const make = this.#late.get(key)
    if (make) {
      this.#late.delete(key)
      this.set(key, make())
    }
    return super.get(key)
  }

  #makeAll(): void {
    for (const key of [...this.#late.keys()]) this.get(key)
  }

  override entries() {
    this.#makeAll()
    return super.entries()
  }

  override values() {
    this.#makeAll()
    return super.values()
  }

  override [Symbol.iterator]() {
    return this.entries()
  }

  override forEach(visit: (value: GgufValue, key: string, map: Map<string, GgufValue>) => void): void {
    this.#makeAll()
    super.forEach(visit)
  }
}
