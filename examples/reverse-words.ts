/**
 * An environment of one's own: to write words backwards. No build step is needed:
 *
 *   r1 eval <model> --tasks examples/reverse-words.ts
 */
import { defineEnvironment, type Split, shuffled, splitOf, uniforms } from 'deepseek-r1/environments'

const consonants = [...'bdgklmnprst']
const words = consonants.flatMap((first) =>
  [...'aeiou'].flatMap((vowel) => consonants.map((last) => `${first}${vowel}${last}`)),
)

const backwards = (word: string): string => [...word].reverse().join('')

// A word is always on the same side: what is measured on was never trained on. Each seed has an order of its own.
function* examples(split: Split, seed: number) {
  for (const word of shuffled(uniforms(seed), words)) {
    if (splitOf('reverse-words', word) === split) yield { prompt: `${word} backwards is `, key: word, word }
  }
}

export default defineEnvironment({
  name: 'reverse-words',
  examples,

  // A number is enough; parts are logged, `answer` is what samples vote with.
  reward({ completion, example }) {
    const answer = completion.trim().split(/\s/)[0] ?? ''
    const correct = Number(answer === backwards(example.word))
    const letters = [...answer].sort().join('') === [...example.word].sort().join('')
    return { reward: correct, parts: { correct, letters: Number(letters) }, answer }
  },

  // Solved problems, for supervised training; an environment may do without them.
  *traces(split, seed) {
    for (const { prompt, word } of examples(split, seed)) yield { prompt, completion: backwards(word) }
  },
})
