import { R1Error } from '../../errors.ts'
import type { Tokenizer } from '../../text/index.ts'
import type { ServedModel } from '../models/served-model.ts'

type Prompt = string | readonly number[]

/**
 * A text as it stands, with what the tokenizer puts before it; tokens stay what they are.
 *
 * @throws R1Error `empty-prompt`
 */
export function textPrompt({ text: { tokenizer } }: Pick<ServedModel, 'text'>, prompt: Prompt): Int32Array {
  if (typeof prompt !== 'string') return Int32Array.from(prompt)
  const ids = tokenizer.encode(prompt, { addSpecial: true })
  // The mark of an end is for texts that are over.
  const isEnded = ids.length > 1 && ids.at(-1) === tokenizer.special.eos
  if (ids.length === 0) throw new R1Error('empty-prompt', 'The prompt has no token.', { remedy: 'Give some text.' })
  return isEnded ? ids.slice(0, -1) : ids
}

/** Tokens by which models are shown a gap: DeepSeek, Qwen, StarCoder, Code Llama, CodeGemma. */
const marks = [
  { before: '<｜fim▁begin｜>', hole: '<｜fim▁hole｜>', after: '<｜fim▁end｜>' },
  { before: '<|fim_prefix|>', hole: '<|fim_suffix|>', after: '<|fim_middle|>' },
  { before: '<fim_prefix>', hole: '<fim_suffix>', after: '<fim_middle>' },
  { before: '▁<PRE>', hole: '▁<SUF>', after: '▁<MID>' },
] as const

/** The ids of a model's marks for a gap, if it has them. */
function marksOf(tokenizer: Tokenizer): readonly [number, number, number] | undefined {
  for (const { before, hole, after } of marks) {
    const ids = [before, hole, after].map((mark) => tokenizer.tokenToId(mark))
    if (ids.every((id) => id !== undefined)) return ids as unknown as readonly [number, number, number]
  }
  return undefined
}

/**
 * A text with a gap that is to be filled in: what stands before it, what stands behind it.
 *
 * @throws R1Error `no-fill-in` for a model without tokens for it
 */
export function fillInPrompt({ id, text: { tokenizer } }: ServedModel, prompt: Prompt, suffix: string): Int32Array {
  const ids = marksOf(tokenizer)
  if (!ids) {
    throw new R1Error('no-fill-in', `The model ${id} cannot fill in the middle of a text.`, {
      remedy: 'Leave out the suffix, or use a model that was made for it.',
    })
  }
  const before = typeof prompt === 'string' ? tokenizer.encode(prompt) : Int32Array.from(prompt)
  const { bos } = tokenizer.special
  const [begin, hole, end] = ids
  return Int32Array.from([
    ...(bos === undefined ? [] : [bos]),
    begin,
    ...before,
    hole,
    ...tokenizer.encode(suffix),
    end,
  ])
}
