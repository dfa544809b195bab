import { pick, type Uniform, whole } from '../random.ts'
import type { Specification } from './specification.ts'

const letters = [...'abcdeilnorst']

interface TextFunction {
  readonly en: string
  readonly zh: string
  readonly body: string
  apply(text: string): string | number | boolean
}

const functionsOf = (letter: string, number: number): readonly TextFunction[] => [
  {
    en: 'text written backwards',
    zh: 'text倒过来写的结果',
    body: "return [...text].reverse().join('')",
    apply: (text) => [...text].reverse().join(''),
  },
  {
    en: `how often the letter ${letter} occurs in text`,
    zh: `字母${letter}在text中出现的次数`,
    body: `return text.split('${letter}').length - 1`,
    apply: (text) => text.split(letter).length - 1,
  },
  {
    en: `text without the letter ${letter}`,
    zh: `去掉字母${letter}后的text`,
    body: `return text.replaceAll('${letter}', '')`,
    apply: (text) => text.replaceAll(letter, ''),
  },
  {
    en: `the first ${number} letters of text`,
    zh: `text的前${number}个字母`,
    body: `return text.slice(0, ${number})`,
    apply: (text) => text.slice(0, number),
  },
  {
    en: `the last ${number} letters of text`,
    zh: `text的后${number}个字母`,
    body: `return text.slice(-${number})`,
    apply: (text) => text.slice(-number),
  },
  {
    en: `text repeated ${number} times`,
    zh: `text重复${number}次的结果`,
    body: `return text.repeat(${number})`,
    apply: (text) => text.repeat(number),
  },
  {
    en: `true where text begins with the letter ${letter}, and false otherwise`,
    zh: `text以字母${letter}开头则为true,否则为false`,
    body: `return text.startsWith('${letter}')`,
    apply: (text) => text.startsWith(letter),
  },
  {
    en: `the place of the first letter ${letter} in text, counted from 0, or -1 where there is none`,
    zh: `text中第一个字母${letter}的位置,从0数起,没有则为-1`,
    body: `return text.indexOf('${letter}')`,
    apply: (text) => text.indexOf(letter),
  },
  {
    en: `text with every letter ${letter} in upper case`,
    zh: `把text中的字母${letter}都变为大写的结果`,
    body: `return text.replaceAll('${letter}', '${letter.toUpperCase()}')`,
    apply: (text) => text.replaceAll(letter, letter.toUpperCase()),
  },
]

/** A function of a text. */
export function drawTextFunction(random: Uniform): Specification {
  const { en, zh, body, apply } = pick(random, functionsOf(pick(random, letters), whole(random, 2, 6)))
  return {
    en,
    zh,
    parameter: 'text',
    body,
    apply: (text) => apply(text as string),
    draw: (source) => Array.from({ length: whole(source, 0, 12) }, () => pick(source, letters)).join(''),
  }
}
