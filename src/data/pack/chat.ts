import { R1Error } from '../../errors.ts'
import type { ChatTemplate, ChatTemplateInput, ChatTemplateMessage, Tokenizer } from '../../text/index.ts'
import type { DataRecord } from '../document.ts'
import type { Example } from './example.ts'

type Conversation = Pick<ChatTemplateInput, 'messages' | 'tools' | 'documents' | 'variables'>

/**
 * A conversation as examples in which only what the assistant writes is learnt, up to the token that ends its turn.
 *
 * One example holds the whole conversation where the template renders earlier turns as they were written. Where it does
 * not (it drops the thoughts of earlier turns), such a turn becomes an example of its own.
 *
 * @throws R1Error `bad-record` (no assistant's turn), and as {@link ChatTemplate.renderToTokens}
 */
export async function chatExamples(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  conversation: Conversation,
): Promise<Example[]> {
  const { messages } = conversation
  const render = async (count: number, addGenerationPrompt: boolean) =>
    (
      await template.renderToTokens(tokenizer, {
        ...conversation,
        messages: messages.slice(0, count),
        addGenerationPrompt,
      })
    ).ids
  const examples: { ids: Int32Array; weights: Float32Array }[] = []
  // From the last turn back: a longer rendering holds the turns before it where it begins with theirs.
  for (let index = messages.length - 1; index >= 0; index--) {
    if (messages[index]?.role !== 'assistant') continue
    const [prompt, whole] = await Promise.all([render(index, true), render(index + 1, false)])
    const from = commonLength(prompt, whole)
    const to = endOfTurn(tokenizer, whole, from)
    const holder = examples.find(({ ids }) => commonLength(ids, whole.subarray(0, to)) === to)
    const example = holder ?? { ids: whole.slice(0, to), weights: new Float32Array(to) }
    example.weights.fill(1, from, to)
    if (!holder) examples.unshift(example)
  }
  if (examples.length > 0) return examples
  throw new R1Error('bad-record', 'The conversation has no turn of the assistant.', {
    remedy: 'Give messages with the role "assistant": they are what is learnt.',
  })
}

/** Where the assistant's turn ends: after the last control token (`<|im_end|>`), or at the end of the text. */
function endOfTurn(tokenizer: Tokenizer, ids: Int32Array, from: number): number {
  for (let index = ids.length - 1; index >= from; index--)
    if (tokenizer.isSpecial(ids[index] as number)) return index + 1
  return ids.length
}

/** How many ids two sequences share at their start. */
function commonLength(left: Int32Array, right: Int32Array): number {
  const most = Math.min(left.length, right.length)
  for (let index = 0; index < most; index++) if (left[index] !== right[index]) return index
  return most
}

/** The messages of a record, checked. @throws R1Error `bad-record` that names the record */
export function messagesField({ id, fields }: DataRecord, name = 'messages'): ChatTemplateMessage[] {
  const value = fields[name]
  const bad = (found: string) =>
    new R1Error('bad-record', `${id}: "${name}" ${found}.`, {
      remedy: 'Give a list of messages: [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}].',
    })
  if (!Array.isArray(value)) throw bad(value === undefined ? 'is missing' : 'is no list')
  for (const [index, message] of value.entries()) {
    if (typeof message !== 'object' || message === null || typeof message.role !== 'string') {
      throw bad(`has a message ${index + 1} without a role`)
    }
  }
  return value as ChatTemplateMessage[]
}
