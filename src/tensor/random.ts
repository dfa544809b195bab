/**
 * Counter-based random numbers: number i of a stream is a function of (seed, stream, i) alone, so results do not depend
 * on the order, the threads or the device that make them. The hash is a 32-bit finaliser with full avalanche
 * (C. Wellons' "lowbias32" family) whose multipliers stay below 2³¹, so that i64 arithmetic in a graph computes it too.
 */

/** Multipliers of the finaliser, used by the graph's operators as well. */
export const hashMultipliers = [0x21f0aaad, 0x735a2d97] as const

/** Avalanche of a 32-bit word. */
export function hash32(word: number): number {
  let x = word >>> 0
  x = Math.imul(x ^ (x >>> 16), hashMultipliers[0])
  x = Math.imul(x ^ (x >>> 15), hashMultipliers[1])
  return (x ^ (x >>> 15)) >>> 0
}

/** A word made of a stream's name. */
export function streamWord(stream: string): number {
  let word = 0
  for (let index = 0; index < stream.length; index++) word = hash32(word ^ stream.charCodeAt(index))
  return word
}

/** The key of a stream: a word made of a seed and the stream's name. */
export function streamKey(seed: number, stream: string): number {
  return hash32(hash32(seed) ^ streamWord(stream))
}

/** Word `index` of the stream `key`. */
export function randomWord(key: number, index: number): number {
  return hash32(hash32(index) ^ key)
}

/** Uniform in (0, 1): never exactly 0 or 1, on a grid of 2⁻²³ whose points f32 holds exactly. */
export function randomUniform(key: number, index: number): number {
  return ((randomWord(key, index) >>> 9) + 0.5) * 2 ** -23
}

/** Standard normal by Box and Muller, two words a number. */
export function randomNormal(key: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(randomUniform(key, 2 * index)))
  return radius * Math.cos(2 * Math.PI * randomUniform(key, 2 * index + 1))
}
