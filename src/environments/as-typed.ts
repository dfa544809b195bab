import type { Uniform } from './random.ts'

/** A way to type the same thing, and how often it is taken. */
interface Habit {
  readonly share: number
  change(text: string): string
}

const fullWidth: Readonly<Record<string, string>> = { ',': '，', '?': '？', ':': '：', '(': '（', ')': '）' }
const chinese = /[\u4e00-\u9fff]/

const habits: readonly Habit[] = [
  // Chinese is typed with full-width marks, and with or without spaces around numbers.
  {
    share: 0.6,
    change: (text) => (chinese.test(text) ? text.replace(/[,?:()]/g, (mark) => fullWidth[mark] ?? mark) : text),
  },
  {
    share: 0.4,
    change: (text) =>
      text.replace(/([\u4e00-\u9fff])([\dx(-])/g, '$1 $2').replace(/([\dx)])([\u4e00-\u9fff])/g, '$1 $2'),
  },
  { share: 0.4, change: (text) => text.replace(/(?<=[\dx)]) ?([-+*/=]) ?(?=[\dx(?？])/g, '$1') },
  { share: 0.3, change: (text) => text.replace(/(?<=\d ?)\*(?= ?\d)/g, '×') },
  { share: 0.3, change: (text) => text.replace(/等于(多少|几)|是多少/, '是多少') },
  { share: 0.3, change: (text) => text.replace(/[.。?？]$/, '') },
  { share: 0.2, change: (text) => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()) },
]

/** A text as one of many people might type it; what it asks stays the same. */
export function asTyped(text: string, random: Uniform): string {
  return habits.reduce((typed, { share, change }) => (random() < share ? change(typed) : typed), text)
}
