/** Letters after which the next line break ends a stretch. */
const least = 2000

/**
 * A text cut at line breaks into stretches, which joined by line breaks are the text again. While the text grows only the
 * last stretch changes: the browser lays out the others once, however long a model thinks.
 */
export function stretchesOf(text: string): readonly string[] {
  const stretches: string[] = []
  let start = 0
  for (;;) {
    const end = text.indexOf('\n', start + least)
    if (end < 0) return [...stretches, text.slice(start)]
    stretches.push(text.slice(start, end))
    start = end + 1
  }
}
