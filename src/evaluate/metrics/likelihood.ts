/** Perplexity of a text. @param nats sum of −log p over its tokens */
export function perplexity(nats: number, tokens: number): number {
  return Math.exp(nats / tokens)
}

/** Bits a model needs for a byte of text: comparable between tokenizers, as perplexity is not. @param bytes of UTF-8 */
export function bitsPerByte(nats: number, bytes: number): number {
  return nats / Math.LN2 / bytes
}
