/** What becomes of the matches of a splitting pattern. */
export type SplitBehavior = 'Removed' | 'Isolated' | 'Contiguous' | 'MergedWithPrevious' | 'MergedWithNext'

/** A stretch of the text: [start, end) in UTF-16 units. */
interface Span {
  start: number
  end: number
  isMatch: boolean
}

/**
 * Cuts text by a pattern.
 *
 * @param pattern global and Unicode-aware
 * @param invert takes what lies between the matches as the matches
 */
export function splitByPattern(text: string, pattern: RegExp, behavior: SplitBehavior, invert = false): string[] {
  if (behavior === 'Isolated' || (behavior === 'Removed' && invert)) {
    return piecesOf(text, pattern, behavior === 'Isolated')
  }
  const spans = spansOf(text, pattern, invert)
  if (behavior === 'Removed')
    return spans.filter((span) => !span.isMatch).map((span) => text.slice(span.start, span.end))
  const joined = behavior === 'MergedWithNext' ? joinWithNext(spans) : joinWithPrevious(spans, behavior)
  return joined.map((span) => text.slice(span.start, span.end))
}

/** The usual case without spans: the matches and, where wanted, what lies between them. */
function piecesOf(text: string, pattern: RegExp, between: boolean): string[] {
  const pieces: string[] = []
  let end = 0
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const piece = match[0]
    if (piece === '') {
      pattern.lastIndex = next(text, match.index)
      continue
    }
    if (between && match.index > end) pieces.push(text.slice(end, match.index))
    pieces.push(piece)
    end = match.index + piece.length
  }
  if (between && end < text.length) pieces.push(text.slice(end))
  return pieces
}

function spansOf(text: string, pattern: RegExp, invert: boolean): Span[] {
  const spans: Span[] = []
  let end = 0
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const matchEnd = match.index + match[0].length
    if (matchEnd === match.index) {
      pattern.lastIndex = next(text, match.index)
      continue
    }
    if (match.index > end) spans.push({ start: end, end: match.index, isMatch: invert })
    spans.push({ start: match.index, end: matchEnd, isMatch: !invert })
    end = matchEnd
  }
  if (end < text.length) spans.push({ start: end, end: text.length, isMatch: invert })
  return spans
}

function next(text: string, index: number): number {
  return index + ((text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1)
}

function joinWithPrevious(spans: Span[], behavior: 'Contiguous' | 'MergedWithPrevious'): Span[] {
  const joined: Span[] = []
  let previousWasMatch = false
  for (const span of spans) {
    const last = joined.at(-1)
    const joins = behavior === 'Contiguous' ? span.isMatch === previousWasMatch : span.isMatch && !previousWasMatch
    if (joins && last) last.end = span.end
    else joined.push({ ...span })
    previousWasMatch = span.isMatch
  }
  return joined
}

function joinWithNext(spans: Span[]): Span[] {
  const joined: Span[] = []
  let nextWasMatch = false
  for (const span of spans.toReversed()) {
    const last = joined.at(-1)
    if (span.isMatch && !nextWasMatch && last) last.start = span.start
    else joined.push({ ...span })
    nextWasMatch = span.isMatch
  }
  return joined.reverse()
}
