import type { GrammarMatcher } from '@mlc-ai/web-xgrammar'
import { type Tokenizer, thinkTags } from '../../text/index.ts'
import type { Guide } from '../guide.ts'

/** A guide by a matcher of xgrammar: each token that it does not accept next is forbidden. */
export function grammarGuide(matcher: GrammarMatcher, stopIds: readonly number[]): Guide {
  let mask: Int32Array | undefined
  let isOver = false
  const end = () => {
    isOver = true
    matcher.dispose()
  }
  return {
    async prepare() {
      if (!isOver) mask ??= await matcher.getNextTokenBitmask()
    },
    restrict(logits) {
      if (!mask) return
      for (let id = 0; id < logits.length; id++) {
        if ((((mask[id >>> 5] as number) >>> (id & 31)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY
      }
    },
    accept(id) {
      mask = undefined
      if (isOver) return undefined
      // A forced token may be none that the grammar knows: then nothing can follow it.
      if (!matcher.acceptToken(id) || matcher.isTerminated() || stopIds.includes(id)) {
        end()
        return 'stop'
      }
      return undefined
    },
    release() {
      if (!isOver) end()
    },
  }
}

/** A guide that begins when the thought ends: thoughts are free, answers are not. */
export function afterThought(tokenizer: Tokenizer, guide: Guide, close = thinkTags.close): Guide {
  const decoder = tokenizer.streamDecoder()
  let text = ''
  let isThinking = true
  return {
    forced: () => (isThinking ? undefined : guide.forced?.()),
    prepare: async () => (isThinking ? undefined : await guide.prepare?.()),
    restrict: (logits) => (isThinking ? undefined : guide.restrict?.(logits)),
    accept(id) {
      if (!isThinking) return guide.accept(id)
      text += decoder.push(id)
      isThinking = !text.includes(close)
      return undefined
    },
    release: () => guide.release?.(),
  }
}
