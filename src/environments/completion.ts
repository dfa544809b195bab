import { thinkTags } from '../text/index.ts'

const { open, close } = thinkTags

/** A completion that thinks first. */
export function thoughtful(thought: string, answer: string): string {
  return `${open}\n${thought}\n${close}\n${answer}`
}

/** What a completion thinks and what it answers. */
export interface CompletionParts {
  /** Undefined where there is no thought. */
  readonly thought: string | undefined
  /** Undefined where the thought has no end. */
  readonly answer: string | undefined
}

/** Parts a completion; a thought may also have been opened by the prompt. */
export function partsOf(completion: string): CompletionParts {
  const end = completion.lastIndexOf(close)
  if (end < 0) {
    const start = completion.trimStart()
    return start.startsWith(open)
      ? { thought: start.slice(open.length).trim(), answer: undefined }
      : { thought: undefined, answer: completion.trim() }
  }
  const thought = completion.slice(0, end).trim()
  return {
    thought: (thought.startsWith(open) ? thought.slice(open.length) : thought).trim(),
    answer: completion.slice(end + close.length).trim(),
  }
}
