import { R1Error } from '../../errors.ts'
import { badCheckpoint } from '../failure.ts'
import { isRecord } from '../json.ts'
import { type GgufEntry, textEntry, truthEntry, wholeEntry } from './encode.ts'
import { preTokenizerName } from './pre-tokenizer.ts'

/** The files of a folder that describe its tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  readonly tokenizer: Readonly<Record<string, unknown>>
  /** tokenizer_config.json, or empty. */
  readonly tokenizerConfig: Readonly<Record<string, unknown>>
  /** The chat template, if there is one. */
  readonly chatTemplate: string | undefined
}

/** Kinds of token in llama.cpp's numbering. */
const tokenKinds = { normal: 1, unknown: 2, control: 3, added: 4, unused: 5, byte: 6 } as const

interface VocabularyToken {
  text: string
  kind: number
}

const file = 'tokenizer.json'

/** Models have at most this many rows more than their tokenizer has tokens. */
const spareRows = 65_536

function readVocabulary(tokenizer: TokenizerFiles['tokenizer'], model: Record<string, unknown>, size: number) {
  if (!isRecord(model.vocab)) throw badCheckpoint(file, 'its model has no vocab')
  if (size > Object.keys(model.vocab).length + spareRows) throw badCheckpoint('config.json', `vocab_size is ${size}`)
  const tokens = Array.from(
    { length: size },
    (_, id): VocabularyToken => ({ text: `[PAD${id}]`, kind: tokenKinds.unused }),
  )
  const place = (text: string, id: unknown, kind: number) => {
    const token = Number.isSafeInteger(id) ? tokens[Number(id)] : undefined
    if (!token) throw badCheckpoint(file, `its token ${JSON.stringify(text)} has an id outside the model's ${size}`)
    token.text = text
    token.kind = kind
  }
  for (const [text, id] of Object.entries(model.vocab)) {
    const isByte = model.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(text)
    place(text, id, text === model.unk_token ? tokenKinds.unknown : isByte ? tokenKinds.byte : tokenKinds.normal)
  }
  for (const added of Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : []) {
    if (!isRecord(added)) throw badCheckpoint(file, 'it has an added token that is no object')
    const kind = added.content === model.unk_token ? tokenKinds.unknown : tokenKinds.control
    place(String(added.content), added.id, added.special === true ? kind : tokenKinds.added)
  }
  return tokens
}

/** Merges as "left right". */
function readMerges(model: Record<string, unknown>): string[] {
  if (!Array.isArray(model.merges)) throw badCheckpoint(file, 'its model has no merges')
  return model.merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(' ') : String(merge)))
}

function tokenEntries(tokens: readonly VocabularyToken[]): GgufEntry[] {
  return [
    { key: 'tokenizer.ggml.tokens', type: 'STRING', value: tokens.map((token) => token.text) },
    { key: 'tokenizer.ggml.token_type', type: 'I32', value: tokens.map((token) => token.kind) },
  ]
}

/** SentencePiece ranks merges by the score of what they make; the earlier merge must have the higher score. */
function mergeScores(tokens: readonly VocabularyToken[], merges: readonly string[]): number[] {
  const rank = new Map<string, number>()
  for (const [index, merge] of merges.entries()) {
    const made = merge.replace(' ', '')
    if (!rank.has(made)) rank.set(made, index)
  }
  return tokens.map(({ text, kind }) => (kind === tokenKinds.normal ? -(rank.get(text) ?? merges.length) : 0))
}

function bytePairEntries(
  files: TokenizerFiles,
  model: Record<string, unknown>,
  tokens: VocabularyToken[],
): GgufEntry[] {
  const merges = readMerges(model)
  if (model.byte_fallback === true) {
    return [
      textEntry('tokenizer.ggml.model', 'llama'),
      ...tokenEntries(tokens),
      { key: 'tokenizer.ggml.scores', type: 'F32', value: mergeScores(tokens, merges) },
      truthEntry('tokenizer.ggml.add_space_prefix', files.tokenizerConfig.add_prefix_space !== false),
    ]
  }
  return [
    textEntry('tokenizer.ggml.model', 'gpt2'),
    textEntry('tokenizer.ggml.pre', preTokenizerName(files.tokenizer.pre_tokenizer)),
    ...tokenEntries(tokens),
    { key: 'tokenizer.ggml.merges', type: 'STRING', value: merges },
    ...normalizerEntry(files.tokenizer.normalizer),
  ]
}

/**
 * The key, of our own, under which the `normalizer` of tokenizer.json lies as JSON: the format has no place for it, and
 * by the name of the cut alone one cannot tell whether there was one.
 */
export const normalizerKey = 'tokenizer.r1.normalizer'

function normalizerEntry(normalizer: unknown): GgufEntry[] {
  const text = JSON.stringify(normalizer ?? null)
  return text.length <= 1000 ? [textEntry(normalizerKey, text)] : []
}

/** llama.cpp marks the beginning of a word where WordPiece marks its continuation. */
function wordPieceEntries(tokens: VocabularyToken[]): GgufEntry[] {
  const marked = tokens.map(({ text, kind }) => {
    if (kind !== tokenKinds.normal) return { text, kind }
    return { text: text.startsWith('##') ? text.slice(2) : `\u2581${text}`, kind }
  })
  return [
    textEntry('tokenizer.ggml.model', 'bert'),
    ...tokenEntries(marked),
    wholeEntry('tokenizer.ggml.token_type_count', 2),
  ]
}

/** True where the tokenizer itself puts this token first. */
function putsFirst(tokenizer: TokenizerFiles['tokenizer'], token: string | undefined): boolean {
  const processor = tokenizer.post_processor
  const parts = isRecord(processor) && Array.isArray(processor.processors) ? processor.processors : [processor]
  return parts.some((part: unknown) => {
    const first: unknown = isRecord(part) && Array.isArray(part.single) ? part.single[0] : undefined
    return isRecord(first) && isRecord(first.SpecialToken) && first.SpecialToken.id === token && token !== undefined
  })
}

const roles = [
  ['bos_token', 'tokenizer.ggml.bos_token_id'],
  ['eos_token', 'tokenizer.ggml.eos_token_id'],
  ['unk_token', 'tokenizer.ggml.unknown_token_id'],
  ['pad_token', 'tokenizer.ggml.padding_token_id'],
  ['sep_token', 'tokenizer.ggml.seperator_token_id'],
  ['mask_token', 'tokenizer.ggml.mask_token_id'],
] as const

function roleText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return isRecord(value) && typeof value.content === 'string' ? value.content : undefined
}

/** Ids of special tokens: by name in tokenizer_config.json, otherwise by number in config.json. */
function roleEntries(
  files: TokenizerFiles,
  tokens: VocabularyToken[],
  config: Readonly<Record<string, unknown>>,
): GgufEntry[] {
  return roles.flatMap(([role, key]) => {
    // BERT's first token is called cls, and llama.cpp knows it as bos.
    const first = role === 'bos_token' ? files.tokenizerConfig.cls_token : undefined
    const text = roleText(files.tokenizerConfig[role] ?? first)
    const named = text === undefined ? -1 : tokens.findIndex((token) => token.text === text)
    const listed = config[`${role}_id`]
    const id: unknown = named >= 0 ? named : Array.isArray(listed) ? listed[0] : listed
    return typeof id === 'number' ? [wholeEntry(key, id)] : []
  })
}

/**
 * The metadata that llama.cpp needs to tokenise as the folder's tokenizer does.
 *
 * @param config config.json, for the size of the vocabulary and the ids of special tokens
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint'
 */
export function tokenizerEntries(files: TokenizerFiles, config: Readonly<Record<string, unknown>>): GgufEntry[] {
  const model = files.tokenizer.model
  if (!isRecord(model)) throw badCheckpoint(file, 'it has no model')
  const size = Number(config.vocab_size)
  if (!Number.isSafeInteger(size) || size < 1) throw badCheckpoint('config.json', 'vocab_size is missing')
  const tokens = readVocabulary(files.tokenizer, model, size)
  const type = model.type ?? (model.merges ? 'BPE' : undefined)
  const entries =
    type === 'BPE' ? bytePairEntries(files, model, tokens) : type === 'WordPiece' ? wordPieceEntries(tokens) : undefined
  if (!entries) {
    throw new R1Error('unsupported-checkpoint', `A ${String(type)} tokenizer cannot be written to GGUF.`, {
      remedy: 'Export as safetensors.',
    })
  }
  const bos = roleText(files.tokenizerConfig.bos_token)
  const addBos = files.tokenizerConfig.add_bos_token ?? putsFirst(files.tokenizer, bos)
  entries.push(...roleEntries(files, tokens, config), truthEntry('tokenizer.ggml.add_bos_token', addBos === true))
  if (files.chatTemplate !== undefined) entries.push(textEntry('tokenizer.chat_template', files.chatTemplate))
  return entries
}
