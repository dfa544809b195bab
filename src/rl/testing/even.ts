/** Rewards a completion for its share of even tokens: something that a model without any training can learn. */
export default {
  name: 'even',
  *examples(_split: string, seed: number) {
    for (let index = 0; index < 1000; index++) yield { prompt: `${(seed + index) % 100}:` }
  },
  reward({ tokens }: { readonly tokens: ArrayLike<number> }) {
    const even = Array.from(tokens).filter((id) => id % 2 === 0).length / Math.max(1, tokens.length)
    return { reward: even, parts: { even, correct: Number(even > 0.8) }, answer: String(tokens.length) }
  },
}
