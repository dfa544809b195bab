import { createJiti } from 'jiti'

const longest = 20_000

/** TypeScript as JavaScript. @returns undefined for what is no TypeScript either */
export function withoutTypes(code: string): string | undefined {
  if (code.length > longest) return undefined
  try {
    const jiti = createJiti(import.meta.url, { fsCache: false })
    const plain = jiti.transform({ source: code, ts: true, filename: 'code.ts', async: false })
    // jiti writes a program that throws where the source has an error.
    return plain.includes('__JITI_ERROR__') ? undefined : `const exports = {}\n${plain}`
  } catch {
    return undefined
  }
}
