import { mix32 } from '../random.ts'

const blockDocuments = 1 << 14
/** Documents of one bucket that are compared: a bucket with more holds boilerplate, and comparing all would not end. */
const mostCompared = 64

/**
 * Finds signatures like a given one among those before it: cut into bands, two that are equal in one band are compared
 * (locality-sensitive hashing). Keeps eight bits of each number (b-bit MinHash, Li and König 2010) and the bands' hashes.
 */
export class BandIndex {
  private readonly bins: number
  private readonly bands: number
  private readonly blocks: Uint8Array[] = []
  private documents = 0
  private entries = 0
  private keys = new Uint32Array(1 << 12)
  /** Number of the document + 1; 0 is free. */
  private values = new Uint32Array(1 << 12)
  private readonly bandKeys: Uint32Array

  /** @param bins numbers of a signature @param bands divides them */
  constructor(bins: number, bands: number) {
    this.bins = bins
    this.bands = bands
    this.bandKeys = new Uint32Array(bands)
  }

  /** Bytes held. */
  get bytes(): number {
    return this.blocks.length * blockDocuments * this.bins + 8 * this.keys.length
  }

  /**
   * Adds a signature unless one like it is there.
   *
   * @param threshold estimated Jaccard similarity from which two are alike
   * @returns true where it was added
   */
  addUnlessLike(signature: Uint32Array, threshold: number): boolean {
    this.hashBands(signature)
    for (let band = 0; band < this.bands; band++) if (this.finds(band, signature, threshold)) return false
    this.insert(signature)
    return true
  }

  private hashBands(signature: Uint32Array): void {
    const rows = this.bins / this.bands
    for (let band = 0; band < this.bands; band++) {
      let hash = band
      for (let row = band * rows; row < (band + 1) * rows; row++) hash = mix32(hash ^ (signature[row] as number)) + row
      this.bandKeys[band] = mix32(hash)
    }
  }

  private finds(band: number, signature: Uint32Array, threshold: number): boolean {
    const mask = this.keys.length - 1
    const key = this.bandKeys[band] as number
    let compared = 0
    for (let slot = key & mask; this.values[slot] !== 0 && compared < mostCompared; slot = (slot + 1) & mask) {
      if (this.keys[slot] !== key) continue
      compared += 1
      if (this.similarity(signature, (this.values[slot] as number) - 1) >= threshold) return true
    }
    return false
  }

  /** Eight bits agree by chance once in 256: that is taken off. */
  private similarity(signature: Uint32Array, document: number): number {
    const block = this.blocks[Math.floor(document / blockDocuments)] as Uint8Array
    const start = (document % blockDocuments) * this.bins
    let equal = 0
    for (let bin = 0; bin < this.bins; bin++) if (block[start + bin] === ((signature[bin] as number) & 0xff)) equal += 1
    const share = equal / this.bins
    return (share - 1 / 256) / (1 - 1 / 256)
  }

  private insert(signature: Uint32Array): void {
    const at = this.documents % blockDocuments
    if (at === 0) this.blocks.push(new Uint8Array(blockDocuments * this.bins))
    // Writing to bytes keeps the low eight bits.
    this.blocks.at(-1)?.set(signature, at * this.bins)
    this.documents += 1
    if ((this.entries + this.bands) * 4 > this.keys.length * 3) this.grow()
    for (const key of this.bandKeys) this.place(key, this.documents)
    this.entries += this.bands
  }

  private place(key: number, value: number): void {
    const mask = this.keys.length - 1
    let slot = key & mask
    while (this.values[slot] !== 0) slot = (slot + 1) & mask
    this.keys[slot] = key
    this.values[slot] = value
  }

  private grow(): void {
    const { keys, values } = this
    this.keys = new Uint32Array(2 * keys.length)
    this.values = new Uint32Array(2 * values.length)
    for (let slot = 0; slot < keys.length; slot++) {
      if (values[slot] !== 0) this.place(keys[slot] as number, values[slot] as number)
    }
  }
}
