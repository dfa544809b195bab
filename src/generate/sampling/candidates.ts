/** Tokens less likely than this part of the most likely one count as impossible: together they are below 10⁻¹² of all. */
const smallestWeight = Math.exp(-40)

/** More than any vocabulary has tokens; with the 32 bits of a logit it fits the 53 bits of a number. */
const idRange = 2 ** 20

const bits = new DataView(new ArrayBuffer(4))

/** A whole number below 2³² for each f32, in the same order. */
function orderOf(logit: number): number {
  // Zero has two signs and one place.
  bits.setFloat32(0, logit + 0)
  const word = bits.getUint32(0)
  return word >= 2 ** 31 ? 2 ** 32 - 1 - word : word + 2 ** 31
}

/**
 * The tokens that may be drawn, with weights relative to the most likely one. In the order of their ids until a filter has
 * to sort them; then the most likely first, of equals the one with the lower id.
 */
export class CandidateList {
  private readonly logits: Float32Array
  private ids: Int32Array
  private weights: Float64Array
  private sorted = false

  private constructor(logits: Float32Array, ids: Int32Array, weights: Float64Array) {
    this.logits = logits
    this.ids = ids
    this.weights = weights
  }

  /**
   * @param logits `[V]`
   * @param best place of the largest logit
   */
  static of(logits: Float32Array, best: number, temperature: number): CandidateList {
    const largest = logits[best] as number
    const ids = new Int32Array(logits.length)
    const weights = new Float64Array(logits.length)
    const lowest = largest + Math.log(smallestWeight) * temperature
    let count = 0
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id] as number
      if (logit < lowest) continue
      ids[count] = id
      weights[count++] = Math.exp((logit - largest) / temperature)
    }
    return new CandidateList(logits, ids.subarray(0, count), weights.subarray(0, count))
  }

  /** Keeps the `count` most likely. */
  keepMost(count: number): void {
    if (count >= this.ids.length) return
    // A threshold first: sorting all of a vocabulary would take longer than the model.
    const threshold = kthLargest(this.weights, count)
    this.keepAbove(threshold)
    this.sort()
    this.cut(count)
  }

  /** Keeps the most likely whose probabilities reach `mass`, and always one. */
  keepMass(mass: number): void {
    const wanted = mass * this.total
    // Most of the mass lies in few tokens: sort only those, and more while they are not enough.
    for (let least = 2 ** -10; ; least *= 2 ** -10) {
      const part = least > smallestWeight ? this.above(least) : this
      if (part !== this && part.total < wanted) continue
      part.sort()
      let sum = 0
      let count = 0
      while (count < part.weights.length && sum < wanted) sum += part.weights[count++] as number
      part.cut(Math.max(1, count))
      ;[this.ids, this.weights, this.sorted] = [part.ids, part.weights, true]
      return
    }
  }

  /** Keeps what weighs at least `least`: its probability is at least that part of the most likely one's. */
  keepAbove(least: number): void {
    const { ids, weights } = this.above(least)
    this.ids = ids
    this.weights = weights
  }

  /** The token at the share `uniform` of the mass. */
  at(uniform: number): number {
    const wanted = uniform * this.total
    let sum = 0
    for (let index = 0; index < this.weights.length; index++) {
      sum += this.weights[index] as number
      if (sum > wanted) return this.ids[index] as number
    }
    return this.ids.at(-1) as number
  }

  private get total(): number {
    let sum = 0
    for (let index = 0; index < this.weights.length; index++) sum += this.weights[index] as number
    return sum
  }

  private above(least: number): CandidateList {
    const places: number[] = []
    for (let index = 0; index < this.weights.length; index++) {
      if ((this.weights[index] as number) >= least) places.push(index)
    }
    const kept = new CandidateList(
      this.logits,
      Int32Array.from(places, (place) => this.ids[place] as number),
      Float64Array.from(places, (place) => this.weights[place] as number),
    )
    kept.sorted = this.sorted
    return kept
  }

  private sort(): void {
    if (this.sorted) return
    const places = new Int32Array(this.logits.length)
    // Numbers sort much faster than objects: a token's logit and its id are put into one.
    const keys = new Float64Array(this.ids.length)
    for (let index = 0; index < keys.length; index++) {
      const id = this.ids[index] as number
      places[id] = index
      keys[index] = orderOf(this.logits[id] as number) * idRange + (idRange - 1 - id)
    }
    keys.sort().reverse()
    const { weights } = this
    this.ids = Int32Array.from(keys, (key) => idRange - 1 - (key % idRange))
    this.weights = Float64Array.from(this.ids, (id) => weights[places[id] as number] as number)
    this.sorted = true
  }

  private cut(count: number): void {
    this.ids = this.ids.subarray(0, count)
    this.weights = this.weights.subarray(0, count)
  }
}

/** The k-th largest of some numbers, by a heap of the k largest so far. */
function kthLargest(values: Float64Array, k: number): number {
  if (k > 4096) return Float64Array.from(values).sort()[values.length - k] as number
  const heap = values.slice(0, k).sort()
  let least = heap[0] as number
  for (let index = k; index < values.length; index++) {
    const value = values[index] as number
    if (value <= least) continue
    // Sinks the new value from the root.
    let at = 0
    for (let child = 1; child < k; child = 2 * at + 1) {
      if (child + 1 < k && (heap[child + 1] as number) < (heap[child] as number)) child++
      if ((heap[child] as number) >= value) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = value
    least = heap[0] as number
  }
  return least
}
