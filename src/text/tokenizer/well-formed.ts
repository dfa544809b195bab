const loneSurrogate = /\p{Surrogate}/gu

/** @returns the text with each lone surrogate, which UTF-8 cannot spell, replaced by U+FFFD; lengths stay as they are */
export function wellFormed(text: string): string {
  return text.replace(loneSurrogate, '\ufffd')
}
