import { type ReasoningTags, type Tokenizer, thinkTags } from '../../text/index.ts'
import type { Guide } from '../guide.ts'

/**
 * Ends a thought that has become too long: after so many tokens inside it the closing tag is forced.
 *
 * @param budget tokens inside the thought
 * @param inside whether the prompt opened the thought already
 */
export function thinkingBudget(
  tokenizer: Tokenizer,
  budget: number,
  inside: boolean,
  tags: ReasoningTags = thinkTags,
): Guide {
  const closing = [...tokenizer.encode(tags.close, { specialTokens: 'allow' })]
  const decoder = tokenizer.streamDecoder()
  let state: 'before' | 'inside' | 'closing' | 'after' = inside ? 'inside' : 'before'
  let spent = 0
  let forced = 0
  let text = ''
  const isSpent = () => state === 'inside' && spent >= budget
  return {
    forced: () => (isSpent() || state === 'closing' ? closing[forced] : undefined),
    accept(id) {
      if (isSpent()) state = 'closing'
      if (state === 'closing' && ++forced === closing.length) state = 'after'
      if (state === 'inside' || state === 'before') {
        text += decoder.push(id)
        if (state === 'inside') spent++
        if (state === 'before' && text.trimStart().startsWith(tags.open)) state = 'inside'
        if (state === 'inside' && text.includes(tags.close)) state = 'after'
        // Any text but white space before the tag makes it no thought.
        if (state === 'before' && !tags.open.startsWith(text.trimStart())) state = 'after'
      }
      return undefined
    },
  }
}
