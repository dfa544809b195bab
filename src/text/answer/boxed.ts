const marks = ['\\boxed', '\\fbox']

/**
 * The contents of the last `\boxed{…}` (or `\fbox{…}`) whose braces balance. One pass, so that no input costs more than
 * its length.
 *
 * @returns undefined where there is none
 */
export function extractBoxed(text: string): string | undefined {
  const open: number[] = [] // For each open brace where a box's contents begin, or −1.
  let best: { start: number; end: number } | undefined
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{') open.push(-1)
    else if (character === '}') {
      const start = open.pop() ?? -1
      if (start >= 0 && (best === undefined || start > best.start)) best = { start, end: i }
    } else if (character === '\\') {
      const brace = braceOfBox(text, i)
      if (brace < 0)
        i++ // An escaped character: `\{` is no brace.
      else {
        open.push(brace + 1)
        i = brace
      }
    }
  }
  return best && text.slice(best.start, best.end).trim()
}

const mostBlanks = 8

/** @returns where the brace of a box that begins at `index` stands, or −1 */
function braceOfBox(text: string, index: number): number {
  const mark = marks.find((candidate) => text.startsWith(candidate, index))
  if (mark === undefined) return -1
  let at = index + mark.length
  for (let blanks = 0; blanks < mostBlanks && text[at] === ' '; blanks++) at++
  return text[at] === '{' ? at : -1
}
