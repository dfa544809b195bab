import { lowercase } from './lowercase.ts'

export interface BertNormalizerOptions {
  cleanText: boolean
  handleChineseCharacters: boolean
  /** Undefined: as `lowercase`. */
  stripAccents: boolean | undefined
  lowercase: boolean
}

const controlCharacter = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu
const blank = /\p{White_Space}/gu
// The blocks that BERT's reference sets apart; its fourth extension begins at U+2B920, a slip that trained models share.
const chineseCharacter =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu

/** BERT's text cleaning: control characters out, white space to blanks, Chinese characters set apart, accents off. */
export function bertNormalizer(options: BertNormalizerOptions): (text: string) => string {
  const stripAccents = options.stripAccents ?? options.lowercase
  return (text) => {
    let cleaned = text
    if (options.cleanText) cleaned = cleaned.replace(controlCharacter, '').replace(blank, ' ')
    if (options.handleChineseCharacters) cleaned = cleaned.replace(chineseCharacter, ' $& ')
    if (stripAccents) cleaned = cleaned.normalize('NFD').replace(/\p{Mn}/gu, '')
    return options.lowercase ? lowercase(cleaned) : cleaned
  }
}
