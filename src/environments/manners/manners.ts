import { z } from 'zod'
import { partsOf, thoughtful } from '../completion.ts'
import { defineEnvironment, type Environment, type Example } from '../environment.ts'
import { pick, type Uniform, whole } from '../random.ts'
import { shipped } from '../shipped.ts'
import { problemsOf } from '../split.ts'
import { wordingShape } from '../wording.ts'
import { type Kind, phrases } from './phrases.ts'

const options = z.strictObject({
  language: wordingShape.language,
  thinking: z.boolean().default(true).describe('Whether replies think before they answer.'),
})

type Language = 'en' | 'zh'

interface Said extends Example {
  readonly kind: Kind
  readonly language: Language
  readonly key: string
}

/** Half of what is said asks for what the model cannot do. */
function say(random: Uniform, language: Language): Said {
  const { greetings, introductions, thanks, farewells, requests, things, calculations } = phrases[language]
  const draws: Readonly<Record<Kind, () => string>> = {
    greeting: () => pick(random, greetings),
    introduction: () => pick(random, introductions),
    thanks: () => pick(random, thanks),
    farewell: () => pick(random, farewells),
    beyond: () =>
      random() < 0.75
        ? pick(random, requests).replace('%', pick(random, things))
        : pick(random, calculations).replace('%', String(whole(random, 2, 999))),
  }
  const kinds = ['greeting', 'introduction', 'thanks', 'farewell', 'beyond', 'beyond', 'beyond', 'beyond'] as const
  const kind = pick(random, kinds)
  const text = draws[kind]()
  return { prompt: [{ role: 'user', content: text }], kind, language, key: text }
}

/**
 * What is said to a model and is no problem to solve: greetings, questions about itself, and requests that it must decline.
 * Of the fixed phrases a tenth is held out; of the requests it is combinations.
 */
export const manners = shipped({
  name: 'manners',
  summary: 'Greets, says what it is, and says so where it cannot do what it is asked for.',
  options,
  create({ language, thinking }) {
    const draw = (random: Uniform) => say(random, language === 'both' ? pick(random, ['en', 'zh']) : language)
    const environment: Environment<Said> = {
      name: 'manners',
      examples: (split, seed) => problemsOf('manners', split, seed, draw),
      reward({ completion, example }) {
        const { answer } = partsOf(completion)
        const correct = Number(answer === phrases[example.language].replies[example.kind])
        return { reward: correct, parts: { correct }, ...(answer !== undefined && { answer }) }
      },
      *traces(split, seed) {
        for (const said of problemsOf('manners', split, seed, draw)) {
          const { thoughts, replies } = phrases[said.language]
          const reply = replies[said.kind]
          yield { prompt: said.prompt, completion: thinking ? thoughtful(thoughts[said.kind], reply) : reply }
        }
      },
    }
    return defineEnvironment(environment) as Environment<never>
  },
})
