/** Lower case, character by character: no final sigma, which depends on a word's end. */
export function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase()
}
