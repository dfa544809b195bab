/** Tokens less likely than this part of the most likely one count as impossible: together they are below 10⁻¹² of all. */
const smallestWeight = Math.exp(-40)

/** More than any vocabulary has tokens; with the 32 bits of a logit it fits the 53 bits of a number. */
const idRange = 2 ** 20

/** Lists as short as this are searched one by one. */
const shortList = 16

/**
 * The tokens that may be drawn, with weights relative to the most likely one. The most likely one comes first, of equals
 * that with the lower id; but nothing is sorted, as that would take longer than the model: what comes first is found by
 * partition, in a time that grows with the number of tokens alone.
 */
export class CandidateList {
  /** A number for each token, larger for those that come first: logit and id in one. */
  private readonly keys: Float64Array
  private readonly weights: Float64Array
  private count = 0

  private constructor(size: number) {
    this.keys = new Float64Array(size)
    this.weights = new Float64Array(size)
  }

  /**
   * @param logits `[V]`
   * @param best place of the largest logit
   */
  static of(logits: Float32Array, best: number, temperature: number): CandidateList {
    const list = new CandidateList(logits.length)
    const words = new Uint32Array(logits.buffer, logits.byteOffset, logits.length)
    const largest = logits[best] as number
    const lowest = largest + Math.log(smallestWeight) * temperature
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id] as number
      if (logit < lowest) continue
      // Zero has two signs and one place.
      const order = orderOf(logit === 0 ? 0 : (words[id] as number))
      list.keys[list.count] = order * idRange + (idRange - 1 - id)
      list.weights[list.count++] = Math.exp((logit - largest) / temperature)
    }
    return list
  }

  /** Keeps the `count` most likely. */
  keepMost(count: number): void {
    if (count < this.count) this.count = this.leading(count - 0.5, () => 1)
  }

  /** Keeps the most likely whose probabilities reach `mass`, and always one. */
  keepMass(mass: number): void {
    // Reached is enough, so that a probability which is a sum exactly ends with it.
    this.count = this.leading(mass * this.total * (1 - 1e-12), this.weightAt)
  }

  /** Keeps what weighs at least `least`: its probability is at least that part of the most likely one's. */
  keepAbove(least: number): void {
    let kept = 0
    for (let at = 0; at < this.count; at++) if (this.weightAt(at) >= least) this.swap(kept++, at)
    this.count = kept
  }

  /** The token at the share `uniform` of the mass, the most likely one first. */
  at(uniform: number): number {
    const chosen = this.leading(uniform * this.total, this.weightAt) - 1
    return idRange - 1 - ((this.keys[chosen] as number) % idRange)
  }

  private readonly weightAt = (at: number): number => this.weights[at] as number

  private get total(): number {
    let sum = 0
    for (let at = 0; at < this.count; at++) sum += this.weights[at] as number
    return sum
  }

  /**
   * Puts the candidates that come first, until together they exceed `wanted`, in front of the others; of these only the last
   * is at its place.
   *
   * @returns how many they are: all, where the sum stays below
   */
  private leading(wanted: number, measure: (at: number) => number): number {
    const { keys } = this
    let [low, high, sum] = [0, this.count, 0]
    while (high - low > shortList) {
      const last = high - 1
      this.swap(this.middleOf(low, (low + high) >> 1, last), last)
      const pivot = keys[last] as number
      let [left, part] = [low, 0]
      for (let at = low; at < last; at++) {
        if ((keys[at] as number) < pivot) continue
        part += measure(at)
        this.swap(left++, at)
      }
      this.swap(left, last)
      if (sum + part > wanted) {
        high = left
      } else {
        sum += part + measure(left)
        low = left + 1
        if (sum > wanted) return low
      }
    }
    while (low < high) {
      let next = low
      for (let at = low + 1; at < high; at++) if ((keys[at] as number) > (keys[next] as number)) next = at
      this.swap(low, next)
      sum += measure(low++)
      if (sum > wanted) return low
    }
    return this.count
  }

  /** Which of three places has the key in the middle. */
  private middleOf(...places: readonly [number, number, number]): number {
    const key = (place: number): number => this.keys[place] as number
    return places.toSorted((left, right) => key(left) - key(right))[1] as number
  }

  private swap(one: number, other: number): void {
    for (const list of [this.keys, this.weights]) {
      const value = list[one] as number
      list[one] = list[other] as number
      list[other] = value
    }
  }
}

/** A whole number below 2³² for the bits of each f32, in the order of the f32. */
function orderOf(word: number): number {
  return word >= 2 ** 31 ? 2 ** 32 - 1 - word : word + 2 ** 31
}
