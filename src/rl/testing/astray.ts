import even from './even.ts'

/** Rewards odd tokens where even ones are right: what is learnt from it makes answers worse. */
export default {
  ...even,
  name: 'astray',
  reward({ tokens }: { readonly tokens: ArrayLike<number> }) {
    const { reward } = even.reward({ tokens })
    return { reward: 1 - reward, parts: { correct: Number(reward > 0.4) } }
  },
}
