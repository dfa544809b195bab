/** A number as it stands in a text. */
export interface FoundNumber {
  text: string
  /** Its value; a percentage is its hundredth part. */
  value: number
}

const digits = '[0-9０-９]'
const grouped = `${digits}{1,3}(?:[,，]${digits}{3})+(?!${digits})|${digits}+`
// A sign belongs to the number unless something stands before it that it could be subtracted from.
const sign = `(?:(?<![\\p{L}\\p{N})\\]}%])\\s?[-−－+＋])?`
const fraction = `\\\\[dt]?frac\\{(?<top>[-−]?${digits}+)\\}\\{(?<bottom>${digits}+)\\}`
const plain = `(?<whole>${grouped})(?<part>[.．]${digits}+)?(?:\\s?[/⁄]\\s?(?<under>${digits}+))?(?<percent>\\s?(?:\\\\?%|％))?`
const pattern = new RegExp(`(?<sign>${sign})(?:${fraction}|${plain})`, 'gu')

/** @returns the last number of a text: with thousands' commas, sign, decimals, fraction or percent sign, also full width */
export function extractLastNumber(text: string): FoundNumber | undefined {
  let last: RegExpMatchArray | undefined
  for (const match of text.matchAll(pattern)) last = match
  return last && { text: last[0].trim(), value: numberOf(last.groups ?? {}) }
}

/** @returns the value of a text that is a number and nothing else but marks of money or unit around it, or undefined */
export function parseNumber(text: string): number | undefined {
  const found = extractLastNumber(text)
  const rest = found && text.replace(found.text, '')
  return rest !== undefined && !/[\p{N}]/u.test(rest) ? found?.value : undefined
}

function numberOf(groups: Record<string, string | undefined>): number {
  const negative = /[-−－]/u.test(groups.sign ?? '') ? -1 : 1
  const top = groups.top === undefined ? decimal(groups.whole, groups.part) : decimal(groups.top.replace('−', '-'))
  const bottom = groups.bottom ?? groups.under
  const value = (negative * top) / (bottom === undefined ? 1 : decimal(bottom))
  return groups.percent === undefined ? value : value / 100
}

/** Reads ASCII or full-width digits. */
function decimal(whole = '', part = ''): number {
  return Number((whole + part).normalize('NFKC').replaceAll(',', ''))
}
