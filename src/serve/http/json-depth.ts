const [quote, backslash] = [34, 92] as const
const opening = new Set([91, 123])
const closing = new Set([93, 125])

/**
 * How deep a JSON text nests, without reading it: what nests too deep exhausts the stack of whoever walks through it.
 *
 * @returns the depth, or more than `most` as soon as it is exceeded
 */
export function jsonDepth(text: string, most: number): number {
  let depth = 0
  let deepest = 0
  let inText = false
  for (let at = 0; at < text.length && deepest <= most; at++) {
    const code = text.charCodeAt(at)
    if (inText) {
      if (code === backslash) at++
      else if (code === quote) inText = false
    } else if (code === quote) inText = true
    else if (opening.has(code)) deepest = Math.max(deepest, ++depth)
    else if (closing.has(code)) depth--
  }
  return deepest
}
