import { badTokenizer, Fields } from '../fields.ts'

/** What the header of a GGUF file says, by key: numbers, strings, booleans and lists of them. */
export type GgufMetadata = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>

/** The types of `tokenizer.ggml.token_type`. */
export const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** Tokens that end a turn; files that call them ordinary are mistaken. */
const turnEnds = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<｜end▁of▁sentence｜>',
])

/** The vocabulary of a GGUF file. */
export interface GgufVocabulary {
  fields: Fields
  tokens: readonly string[]
  /** Type of each token [V]. */
  types: ArrayLike<number>
  /** Score of each token [V]; empty where the file has none. */
  scores: ArrayLike<number>
}

const prefix = 'tokenizer.ggml.'

/** @throws R1Error `bad-tokenizer` */
export function readVocabulary(metadata: GgufMetadata): GgufVocabulary {
  const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata)
  const own = entries.filter(([key]) => key.startsWith(prefix))
  const fields = new Fields(
    Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
    'GGUF tokenizer',
  )
  const tokens = fields.list('tokens')
  if (!tokens.every((token) => typeof token === 'string')) throw badTokenizer('tokenizer.ggml.tokens must be strings')
  const given = numbers(fields, 'token_type', tokens.length)
  const types = Int32Array.from(tokens, (token, id) => {
    const type = given.length > 0 ? (given[id] as number) : tokenType.normal
    return turnEnds.has(token) ? tokenType.control : type
  })
  return { fields, tokens, types, scores: numbers(fields, 'scores', tokens.length) }
}

/** Reads a list of numbers that has one for each token, or none at all. */
function numbers(fields: Fields, key: string, length: number): ArrayLike<number> {
  if (!fields.has(key)) return []
  const value = fields.value(key)
  const list = ArrayBuffer.isView(value) ? (value as unknown as ArrayLike<unknown>) : fields.list(key)
  if (list.length < length) throw badTokenizer(`tokenizer.ggml.${key} has ${list.length} entries for ${length} tokens`)
  return Float64Array.from({ length }, (_, id) => {
    const number = list[id]
    if (typeof number !== 'number') throw badTokenizer(`tokenizer.ggml.${key}[${id}] must be a number`)
    return number
  })
}

/** @returns the bytes of a list of numbers, or undefined where the file has none */
export function readBytesField(fields: Fields, key: string): Uint8Array | undefined {
  if (!fields.has(key)) return undefined
  const value = fields.value(key)
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return Uint8Array.from(value as unknown as ArrayLike<number>)
  return Uint8Array.from(fields.list(key) as number[])
}

/** @returns the id under `key`, or undefined where there is none or it lies outside the vocabulary */
export function roleId(vocabulary: GgufVocabulary, key: string): number | undefined {
  if (!vocabulary.fields.has(key)) return undefined
  const id = vocabulary.fields.number(key)
  return Number.isInteger(id) && id >= 0 && id < vocabulary.tokens.length ? id : undefined
}
