import type { Tokenizer } from '../../text/index.ts'

/** Tokens of one text, and which of them are to be learnt. */
export interface Example {
  /** [T] */
  readonly ids: Int32Array
  /** [T]: how much each token counts when it is predicted from those before it; the first is never predicted. */
  readonly weights: Float32Array
}

/** A text in which every token is learnt, ended by the tokenizer's end of text where it has one. */
export function textExample(tokenizer: Tokenizer, text: string): Example {
  const ids = withEnd(tokenizer, tokenizer.encode(text))
  return { ids, weights: new Float32Array(ids.length).fill(1) }
}

/** A prompt that is only read, and its completion that is learnt together with the end of text. */
export function completionExample(tokenizer: Tokenizer, prompt: string, completion: string): Example {
  const start = tokenizer.encode(prompt)
  const end = withEnd(tokenizer, tokenizer.encode(completion))
  const ids = new Int32Array(start.length + end.length)
  ids.set(start)
  ids.set(end, start.length)
  return { ids, weights: new Float32Array(ids.length).fill(1, start.length) }
}

function withEnd({ special }: Tokenizer, ids: Int32Array): Int32Array {
  if (special.eos === undefined) return ids
  const ended = new Int32Array(ids.length + 1)
  ended.set(ids)
  ended[ids.length] = special.eos
  return ended
}

/** True where at least one token is learnt. */
export function teaches({ weights }: Example): boolean {
  for (let index = 1; index < weights.length; index++) if (weights[index] !== 0) return true
  return false
}
