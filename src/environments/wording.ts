import { z } from 'zod'
import { asTyped } from './as-typed.ts'
import type { Prompt } from './environment.ts'
import { pick, type Uniform } from './random.ts'

/** Options of every environment that words its problems. */
export const wordingShape = {
  language: z
    .enum(['en', 'zh', 'both'])
    .default('en')
    .describe('The language of the prompts; with both, half of each.'),
  form: z
    .enum(['text', 'message', 'chat'])
    .default('text')
    .describe(
      'Whether a prompt is a short text to continue, that text as a message, or one that also says how to answer.',
    ),
  loose: z
    .boolean()
    .default(false)
    .describe('Whether prompts vary as people type them: spaces, marks at the end, full-width marks, signs.'),
} as const

export interface WordingOptions {
  readonly language: 'en' | 'zh' | 'both'
  readonly form: 'text' | 'message' | 'chat'
  readonly loose?: boolean
  /** Answers stand in a box where messages ask for it, unless they have marks of their own. */
  readonly answers?: 'as they are'
}

/** How problems of one kind are put in one language. */
export interface Wording<Problem> {
  /** One line each; which one is drawn at random. */
  readonly texts: readonly ((problem: Problem) => string)[]
  /** What a message says after that line: how to answer. */
  readonly instruction: string
}

export type Wordings<Problem> = Readonly<Record<'en' | 'zh', Wording<Problem>>>

/** Words a problem. */
export function promptOf<Problem>(
  wordings: Wordings<Problem>,
  problem: Problem,
  { language, form, loose }: WordingOptions,
  random: Uniform,
): Prompt {
  const { texts, instruction } = wordings[language === 'both' ? pick(random, ['en', 'zh'] as const) : language]
  const plain = pick(random, texts)(problem)
  const text = loose ? asTyped(plain, random) : plain
  if (form === 'text') return `${text}\n`
  return [{ role: 'user', content: form === 'chat' ? `${text}\n${instruction}` : text }]
}

/** An answer as the prompt asks for it: in a box where a message said so. */
export function answerText(answer: string, { form, answers }: WordingOptions): string {
  return form === 'chat' && answers === undefined ? `\\boxed{${answer}}` : answer
}
