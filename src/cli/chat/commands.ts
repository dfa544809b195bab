import { R1Error } from '../../errors.ts'
import type { GenerateOptions } from '../../generate/index.ts'

/** What a line in a chat asks for. */
export type ChatInput =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'set'; readonly options: GenerateOptions }
  | { readonly kind: 'save' | 'load' | 'system'; readonly text: string }
  | { readonly kind: 'help' | 'clear' | 'undo' | 'retry' | 'stats' | 'quit' | 'nothing' }

export const chatHelp = [
  '/retry          answer the last question again',
  '/undo           take back the last question',
  '/clear          forget everything',
  '/system <text>  begin anew with this instruction',
  '/set <name> <n> temperature, top-k, top-p, min-p, max-tokens, thinking-budget, seed',
  '/save <file>    write the conversation as JSON',
  '/load <file>    go on with a conversation',
  '/stats          what the engine has done',
  '/quit           leave (Ctrl+D, too); Ctrl+C stops an answer',
].join('\n')

const settings = {
  temperature: 'temperature',
  'top-k': 'topK',
  'top-p': 'topP',
  'min-p': 'minP',
  'max-tokens': 'maxNewTokens',
  'thinking-budget': 'thinkingBudget',
  seed: 'seed',
} as const satisfies Readonly<Record<string, keyof GenerateOptions>>

const bare = ['help', 'clear', 'undo', 'retry', 'stats', 'quit'] as const
const withText = ['save', 'load', 'system'] as const

/**
 * Reads a line of a chat. Two slashes begin a text that begins with one.
 *
 * @throws R1Error `unknown-command`, `bad-option`
 */
export function parseChatLine(line: string): ChatInput {
  const text = line.trim()
  if (text === '') return { kind: 'nothing' }
  if (text.startsWith('//')) return { kind: 'say', text: text.slice(1) }
  if (!text.startsWith('/')) return { kind: 'say', text }
  const [word = '', ...rest] = text.slice(1).split(/\s+/)
  const simple = bare.find((name) => name === word)
  if (simple) return { kind: simple }
  const argued = withText.find((name) => name === word)
  const argument = text.slice(1 + word.length).trim()
  if (argued && argument !== '') return { kind: argued, text: argument }
  if (word === 'set') return { kind: 'set', options: setting(rest) }
  throw new R1Error('unknown-command', argued ? `/${word} needs an argument.` : `There is no command /${word}.`, {
    remedy: '/help lists the commands.',
  })
}

function setting([name = '', value = '']: readonly string[]): GenerateOptions {
  const number = Number(value)
  if (Object.hasOwn(settings, name) && value !== '' && !Number.isNaN(number))
    return { [settings[name as keyof typeof settings]]: number }
  throw new R1Error('bad-option', `/set ${name} ${value} means nothing.`, {
    remedy: `Give one of ${Object.keys(settings).join(', ')} and a number.`,
  })
}
