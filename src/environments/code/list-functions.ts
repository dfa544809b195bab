import { pick, type Uniform, whole } from '../random.ts'
import type { JsonValue } from '../sandbox/task.ts'
import type { Specification } from './specification.ts'

/** A part of a function of a list: words for it, code for it, and what it does. */
interface Part<In, Out> {
  readonly en: (of: string) => string
  readonly zh: (of: string) => string
  /** Put behind the code before it. */
  readonly code: string
  apply(value: In): Out
}

type Numbers = readonly number[]

const filtersOf = (number: number): readonly Part<Numbers, Numbers>[] => [
  { en: (of) => `the numbers in ${of}`, zh: (of) => `${of}中的数`, code: '', apply: (list) => list },
  {
    en: (of) => `the even numbers in ${of}`,
    zh: (of) => `${of}中的偶数`,
    code: '.filter((x) => x % 2 === 0)',
    apply: (list) => list.filter((x) => x % 2 === 0),
  },
  {
    en: (of) => `the odd numbers in ${of}`,
    zh: (of) => `${of}中的奇数`,
    code: '.filter((x) => x % 2 !== 0)',
    apply: (list) => list.filter((x) => x % 2 !== 0),
  },
  {
    en: (of) => `the numbers in ${of} that are greater than ${number}`,
    zh: (of) => `${of}中大于${number}的数`,
    code: `.filter((x) => x > ${number})`,
    apply: (list) => list.filter((x) => x > number),
  },
  {
    en: (of) => `the numbers in ${of} that are less than ${number}`,
    zh: (of) => `${of}中小于${number}的数`,
    code: `.filter((x) => x < ${number})`,
    apply: (list) => list.filter((x) => x < number),
  },
  {
    en: (of) => `the numbers in ${of} that can be divided by ${number}`,
    zh: (of) => `${of}中能被${number}整除的数`,
    code: `.filter((x) => x % ${number} === 0)`,
    apply: (list) => list.filter((x) => x % number === 0),
  },
]

const mapsOf = (number: number): readonly Part<Numbers, Numbers>[] => [
  { en: (of) => of, zh: (of) => of, code: '', apply: (list) => list },
  {
    en: (of) => `the squares of ${of}`,
    zh: (of) => `${of}的平方`,
    code: '.map((x) => x * x)',
    apply: (list) => list.map((x) => x * x),
  },
  {
    en: (of) => `${of}, each times ${number},`,
    zh: (of) => `${of}乘以${number}后`,
    code: `.map((x) => x * ${number})`,
    apply: (list) => list.map((x) => x * number),
  },
  {
    en: (of) => `${of}, each increased by ${number},`,
    zh: (of) => `${of}加${number}后`,
    code: `.map((x) => x + ${number})`,
    apply: (list) => list.map((x) => x + number),
  },
]

const ends: readonly Part<Numbers, JsonValue>[] = [
  {
    en: (of) => `the sum of ${of}`,
    zh: (of) => `${of}之和`,
    code: '.reduce((sum, x) => sum + x, 0)',
    apply: (list) => list.reduce((sum, x) => sum + x, 0),
  },
  {
    en: (of) => `how many there are of ${of}`,
    zh: (of) => `${of}的个数`,
    code: '.length',
    apply: (list) => list.length,
  },
  { en: (of) => `a list of ${of}`, zh: (of) => `由${of}组成的列表`, code: '', apply: (list) => list },
  {
    en: (of) => `a list of ${of} in ascending order`,
    zh: (of) => `由${of}组成的升序列表`,
    code: '.sort((a, b) => a - b)',
    apply: (list) => [...list].sort((a, b) => a - b),
  },
  {
    en: (of) => `a list of ${of} in reverse order`,
    zh: (of) => `由${of}组成的逆序列表`,
    code: '.reverse()',
    apply: (list) => [...list].reverse(),
  },
  {
    en: (of) => `the largest of ${of}, or null where there is none`,
    zh: (of) => `${of}中的最大值,没有则为null`,
    code: '.reduce((most, x) => (most === null || x > most ? x : most), null)',
    apply: (list) => (list.length > 0 ? Math.max(...list) : null),
  },
]

/** A function of a list of numbers: some of them, changed, put together. */
export function drawListFunction(random: Uniform): Specification {
  const [filter, map, end] = [
    pick(random, filtersOf(whole(random, 2, 9))),
    pick(random, mapsOf(whole(random, 2, 9))),
    pick(random, ends),
  ]
  const tidy = (text: string) => text.replace(/,+(?=,|$)/gu, '').replace(/, (?=in |or )/gu, ', ')
  return {
    en: tidy(end.en(map.en(filter.en('list')))),
    zh: end.zh(map.zh(filter.zh('list'))),
    parameter: 'list',
    body: `return [...list]${filter.code}${map.code}${end.code}`,
    apply: (list) => end.apply(map.apply(filter.apply(list as Numbers))),
    draw: (numbers) => Array.from({ length: whole(numbers, 0, 8) }, () => whole(numbers, 0, 20)),
  }
}
