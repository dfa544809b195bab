import { badCheckpoint } from '../failure.ts'
import { isRecord, parseJson } from '../json.ts'
import { normalizerKey } from './from-tokenizer.ts'
import { preTokenizerOfName } from './pre-tokenizer.ts'
import type { GgufValue } from './value.ts'

type Metadata = ReadonlyMap<string, GgufValue>
type Json = Record<string, unknown>

/** The files of a tokenizer folder. */
export interface TokenizerJson {
  readonly tokenizer: Json
  readonly tokenizerConfig: Json
}

const file = 'the GGUF vocabulary'

function texts(metadata: Metadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key)
  if (!Array.isArray(value)) return undefined
  const strings = value.filter((item) => typeof item === 'string')
  if (strings.length !== value.length) throw badCheckpoint(file, `${key} is no list of texts`)
  return strings
}

function numbers(metadata: Metadata, key: string): readonly number[] {
  const value = metadata.get(key)
  return ArrayBuffer.isView(value) ? Array.from(value as Float32Array, Number) : []
}

interface Vocabulary {
  readonly tokens: readonly string[]
  readonly types: readonly number[]
}

/** Kinds of token as the file numbers them: 1 ordinary, 2 unknown, 3 control, 4 added, 5 unused, 6 byte. */
const isControl = (type: number | undefined) => type === 2 || type === 3

function addedTokens({ tokens, types }: Vocabulary): Json[] {
  return tokens.flatMap((content, id) => {
    const special = isControl(types[id])
    if (!special && types[id] !== 4) return []
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }]
  })
}

function vocabularyOf({ tokens, types }: Vocabulary): Json {
  return Object.fromEntries(tokens.map((token, id) => [token, id] as const).filter(([, id]) => types[id] !== 5))
}

/** The normaliser that the writer told, or the one that models with this way to cut usually have. */
function normalizerOf(metadata: Metadata, name: string): Json | null {
  const told = metadata.get(normalizerKey)
  if (typeof told === 'string') {
    const value = parseJson(told, normalizerKey)
    if (value === null || isRecord(value)) return value
    throw badCheckpoint(file, `${normalizerKey} is no normaliser`)
  }
  return name === 'qwen2' || name === 'deepseek-r1-qwen' ? { type: 'NFC' } : null
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary): Json | undefined {
  const name = String(metadata.get('tokenizer.ggml.pre') ?? 'default')
  const preTokenizer = preTokenizerOfName(name)
  const merges = texts(metadata, 'tokenizer.ggml.merges')
  if (!preTokenizer || !merges) return undefined
  return {
    normalizer: normalizerOf(metadata, name),
    pre_tokenizer: preTokenizer,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: /^llama/.test(name),
      vocab: vocabularyOf(vocabulary),
      merges,
    },
  }
}

/** Longest token that merges are looked for in; longer ones are markers. */
const longestMerged = 256

/** SentencePiece keeps scores, not merges: two neighbours merge where their union is a token, the best score first. */
function mergesOfScores({ tokens, types }: Vocabulary, scores: readonly number[]): string[] {
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const ordered = tokens.map((_, id) => id).filter((id) => types[id] === 1 && [...(tokens[id] ?? '')].length > 1)
  ordered.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
  return ordered.flatMap((id) => {
    const characters = [...(tokens[id] as string)]
    if (characters.length > longestMerged) return []
    const cuts = characters
      .slice(1)
      .map((_, at) => [characters.slice(0, at + 1).join(''), characters.slice(at + 1).join('')])
    return cuts.filter(([left = '', right = '']) => ids.has(left) && ids.has(right)).map((pair) => pair.join(' '))
  })
}

function sentencePiece(metadata: Metadata, vocabulary: Vocabulary): Json {
  const prefix = metadata.get('tokenizer.ggml.add_space_prefix') !== false
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }
  const steps = prefix ? [{ type: 'Prepend', prepend: '\u2581' }, replace] : [replace]
  const restore = [
    { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  const unknown = vocabulary.types.indexOf(2)
  return {
    normalizer: { type: 'Sequence', normalizers: steps },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: prefix ? [...restore, { type: 'Strip', content: ' ', start: 1, stop: 0 }] : restore,
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown < 0 ? null : vocabulary.tokens[unknown],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyOf(vocabulary),
      merges: mergesOfScores(vocabulary, numbers(metadata, 'tokenizer.ggml.scores')),
    },
  }
}

const roles = [
  ['bos_token', 'tokenizer.ggml.bos_token_id'],
  ['eos_token', 'tokenizer.ggml.eos_token_id'],
  ['unk_token', 'tokenizer.ggml.unknown_token_id'],
  ['pad_token', 'tokenizer.ggml.padding_token_id'],
] as const

function roleTokens(metadata: Metadata, tokens: readonly string[]): Json {
  const named = roles.map(([role, key]) => [role, tokens[Number(metadata.get(key) ?? -1)]] as const)
  return Object.fromEntries(named.filter(([, text]) => text !== undefined))
}

function postProcessor(bos: unknown, id: GgufValue | undefined): Json | null {
  if (typeof bos !== 'string') return null
  const first = { SpecialToken: { id: bos, type_id: 0 } }
  const sequence = (name: string, type_id: number) => ({ Sequence: { id: name, type_id } })
  return {
    type: 'TemplateProcessing',
    single: [first, sequence('A', 0)],
    pair: [first, sequence('A', 0), { SpecialToken: { id: bos, type_id: 1 } }, sequence('B', 1)],
    special_tokens: { [bos]: { id: bos, ids: [Number(id)], tokens: [bos] } },
  }
}

/**
 * The tokenizer of a GGUF file as Hugging Face's tokenizer.json and tokenizer_config.json.
 *
 * @returns undefined where the vocabulary is of a kind that is not written (WordPiece, unigram, an unknown way to cut)
 * @throws R1Error 'bad-checkpoint'
 */
export function tokenizerOfMetadata(metadata: Metadata): TokenizerJson | undefined {
  const tokens = texts(metadata, 'tokenizer.ggml.tokens')
  const kind = metadata.get('tokenizer.ggml.model')
  if (!tokens || (kind !== 'gpt2' && kind !== 'llama')) return undefined
  const vocabulary = { tokens, types: numbers(metadata, 'tokenizer.ggml.token_type') }
  const parts = kind === 'gpt2' ? byteLevel(metadata, vocabulary) : sentencePiece(metadata, vocabulary)
  if (!parts) return undefined
  const special = roleTokens(metadata, tokens)
  const addBos =
    metadata.get('tokenizer.ggml.add_bos_token') ??
    (kind === 'llama' || /^llama/.test(String(metadata.get('tokenizer.ggml.pre'))))
  const { model, ...stages } = parts
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      ...stages,
      post_processor:
        addBos === true ? postProcessor(special.bos_token, metadata.get('tokenizer.ggml.bos_token_id')) : null,
      model,
    },
    tokenizerConfig: {
      ...special,
      add_bos_token: addBos === true,
      clean_up_tokenization_spaces: false,
      tokenizer_class: 'PreTrainedTokenizerFast',
    },
  }
}
