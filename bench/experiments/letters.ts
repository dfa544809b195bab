import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/data/index.ts'
import { defineEnvironment, type Environment, type Example, type Trace } from '../../src/environments/index.ts'

/*
 * Tasks on letters: a model of some 100,000 parameters learns them in a minute, and every answer can be checked.
 */

export type Task = 'sort' | 'reverse'

export interface LetterProblem {
  readonly word: string
  readonly prompt: string
}

const alphabet = 'abcdefghijklmnop'

/** Words of different letters. */
function wordOf(random: Random, length: number): string {
  const letters = [...alphabet]
  return Array.from({ length }, () => letters.splice(Math.floor(random.uniform() * letters.length), 1)[0]).join('')
}

export function answerOf(task: Task, word: string): string {
  return task === 'sort' ? [...word].sort().join('') : [...word].reverse().join('')
}

/** Problems in an order that the seed decides, without words that give the same sorted and reversed. Held-out words are those whose letters' sum leaves 0 divided by 8. */
export function* problems(
  split: 'train' | 'held-out',
  seed: number,
  lengths: readonly number[],
): Generator<LetterProblem, void, void> {
  const random = new Random(seed, `letters ${split}`)
  for (;;) {
    const length = lengths[Math.floor(random.uniform() * lengths.length)] as number
    const word = wordOf(random, length)
    if (answerOf('sort', word) === answerOf('reverse', word)) continue
    if (isHeldOut(word) === (split === 'held-out')) yield { word, prompt: `${word}=` }
  }
}

const isHeldOut = (word: string): boolean =>
  [...word].reduce((sum, letter, at) => sum + (at + 1) * letter.charCodeAt(0), 0) % 8 === 0

interface LetterExample extends Example {
  readonly word: string
}

/** Words to be sorted or reversed. */
export function letters(task: Task, lengths: readonly number[]): Environment<LetterExample> {
  return defineEnvironment<LetterExample>({
    name: task,
    *examples(split, seed) {
      yield* problems(split, seed, lengths)
    },
    reward: ({ completion, example }) => Number(completion === answerOf(task, example.word)),
    *traces(split, seed): Generator<Trace> {
      for (const { word, prompt } of problems(split, seed, lengths)) yield { prompt, completion: answerOf(task, word) }
    },
  })
}

/** Writes JSON lines into the folder of an experiment. @returns the file's name */
export function writeLines(folder: string, name: string, lines: Iterable<object>): string {
  writeFileSync(join(folder, name), [...lines].map((line) => `${JSON.stringify(line)}\n`).join(''))
  return name
}

/** So many of what an endless source gives. */
export function* take<Item>(count: number, items: Iterable<Item>): Generator<Item, void, void> {
  let left = count
  for (const item of items) {
    if (left-- <= 0) return
    yield item
  }
}
