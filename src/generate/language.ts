/** Whether a text is mostly written in Chinese characters: instructions then are Chinese as well. */
export function isChinese(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  const characters = text.match(/\p{Script=Han}/gu)?.length ?? 0
  return characters * 3 > letters
}
