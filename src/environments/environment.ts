import type { ChatTemplateMessage } from '../text/index.ts'

/** Which problems: those a model learns from, or those it has never seen. */
export type Split = 'train' | 'held-out'

/** A message of a conversation. */
export type Message = ChatTemplateMessage & { readonly content: string }

/** What a model reads: a text that it continues as it stands, or a conversation for its chat template. */
export type Prompt = string | readonly Message[]

/** One problem. It also holds whatever its reward needs to know. */
export interface Example {
  readonly prompt: Prompt
  /** Names the problem, however it is worded: no key of one split occurs in the other. */
  readonly key?: string
}

/** What a model wrote for a problem. */
export interface Attempt<E extends Example = Example> {
  readonly prompt: Prompt
  /** What the model wrote after the prompt: thought and answer, without the tokens that end a text. */
  readonly completion: string
  /** Ids of the completion's tokens. */
  readonly tokens: ArrayLike<number>
  readonly example: E
}

/** How good an attempt is. */
export interface RewardParts {
  /** What is optimised; any finite number, by custom 1 for what is wholly right and 0 for what is wrong. */
  readonly reward: number
  /** Numbers that the reward is made of, or that are worth watching. `correct` is 1 where the answer is right. */
  readonly parts?: Readonly<Record<string, number>>
  /** The answer in the form in which it is compared with others, for a vote among samples. */
  readonly answer?: string
  /** What a checker says of the attempt that does not know the right answer; the higher, the better. */
  readonly verified?: number
}

/** An example of how to solve a problem, for supervised training. */
export interface Trace {
  readonly prompt: Prompt
  readonly completion: string
}

/**
 * Problems whose answers a program can check.
 *
 * @example
 * export default defineEnvironment({
 *   name: 'shout',
 *   *examples() { for (const word of ['yes', 'no']) yield { prompt: `Say ${word} loudly: `, word } },
 *   reward: ({ completion, example }) => (completion.trim() === example.word.toUpperCase() ? 1 : 0),
 * })
 */
export interface Environment<E extends Example = Example> {
  readonly name: string
  /** Problems of a split, in an order that follows from the seed: without end, or until all have come. */
  examples(split: Split, seed: number): Iterable<E> | AsyncIterable<E>
  reward(attempt: Attempt<E>): number | RewardParts | Promise<number | RewardParts>
  /** Solved problems of a split, where the environment knows how to solve them. */
  traces?(split: Split, seed: number): Iterable<Trace> | AsyncIterable<Trace>
  /** Frees what the environment holds. */
  close?(): void | Promise<void>
}

/** Gives an environment back as it is, its types inferred. */
export function defineEnvironment<E extends Example>(environment: Environment<E>): Environment<E> {
  return environment
}
