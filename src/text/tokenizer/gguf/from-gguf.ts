import { R1Error } from '../../../errors.ts'
import type { AddedToken } from '../added-tokens.ts'
import { buildDecoder } from '../decoders.ts'
import { badTokenizer, Fields } from '../fields.ts'
import { BpeModel } from '../models/bpe.ts'
import { buildModel } from '../models/build.ts'
import { UnigramModel } from '../models/unigram.ts'
import { WordPieceModel } from '../models/word-piece.ts'
import { buildNormalizer, type Normalizer } from '../normalizers.ts'
import { type PipelineParts, PipelineTokenizer } from '../pipeline.ts'
import { buildPreTokenizer } from '../pre-tokenizers.ts'
import { longestMatchNormalizer, parseCharacterMap } from '../precompiled.ts'
import type { SpecialTokenIds, Tokenizer } from '../tokenizer.ts'
import { byteLevelFamily } from './patterns.ts'
import { mergesFromScores } from './score-merges.ts'
import { escapeBlanks } from './spaces.ts'
import {
  type GgufMetadata,
  type GgufVocabulary,
  readBytesField,
  readVocabulary,
  roleId,
  tokenType,
} from './vocabulary.ts'

/** The parts that depend on the kind of vocabulary, and which ids stand around a sequence unless the file says so. */
type KindParts = Pick<PipelineParts, 'normalizer' | 'preTokenizer' | 'model' | 'makeDecoder' | 'spelling'> & {
  addBos: boolean
  addEos: boolean
  addSep: boolean
}

/**
 * Builds a tokenizer from the metadata of a GGUF file (`tokenizer.ggml.*`): byte-level BPE (`gpt2`), SentencePiece's BPE
 * (`llama`) and unigram (`t5`), WordPiece (`bert`).
 *
 * @throws R1Error `bad-tokenizer`, `unsupported-tokenizer`
 */
export function tokenizerFromGguf(metadata: GgufMetadata): Tokenizer {
  const vocabulary = readVocabulary(metadata)
  const addedTokens = readAddedTokens(vocabulary)
  const forbidden = new Set(addedTokens.filter((token) => token.special).map((token) => token.id))
  const { addBos, addEos, addSep, ...parts } = kindParts(vocabulary, forbidden)
  const special = readRoles(vocabulary)
  const { fields } = vocabulary
  const frame = (wanted: boolean, key: string, id: number | undefined) =>
    fields.boolean(key, wanted) && id !== undefined ? [id] : []
  const suffix = [
    ...frame(addSep, 'add_sep_token', roleId(vocabulary, 'seperator_token_id')),
    ...frame(addEos, 'add_eos_token', special.eos),
  ]
  return new PipelineTokenizer({
    addedTokens,
    frame: { prefix: frame(addBos, 'add_bos_token', special.bos), suffix },
    special,
    ...parts,
  })
}

function kindParts(vocabulary: GgufVocabulary, forbidden: ReadonlySet<number>): KindParts {
  const kind = vocabulary.fields.string('model')
  switch (kind) {
    case 'gpt2':
      return byteLevelParts(vocabulary, forbidden)
    case 'llama':
      return sentencePieceParts(vocabulary, forbidden)
    case 't5':
      return unigramParts(vocabulary)
    case 'bert':
      return wordPieceParts(vocabulary, forbidden)
    default:
      throw new R1Error(
        'unsupported-tokenizer',
        `The GGUF file has a tokenizer of the unknown kind "${kind.slice(0, 80)}".`,
        {
          remedy: 'Put the model’s tokenizer.json beside the file.',
        },
      )
  }
}

function readAddedTokens({ tokens, types }: GgufVocabulary): AddedToken[] {
  const added: AddedToken[] = []
  tokens.forEach((content, id) => {
    const special = types[id] === tokenType.control || types[id] === tokenType.unknown
    if (content === '' || (!special && types[id] !== tokenType.userDefined)) return
    added.push({ id, content, special, normalized: false, singleWord: false, stripLeft: false, stripRight: false })
  })
  return added
}

function readRoles(vocabulary: GgufVocabulary): SpecialTokenIds {
  const roles = {
    bos: roleId(vocabulary, 'bos_token_id') ?? roleId(vocabulary, 'cls_token_id'),
    eos: roleId(vocabulary, 'eos_token_id'),
    eot: roleId(vocabulary, 'eot_token_id'),
    pad: roleId(vocabulary, 'padding_token_id'),
    unk: roleId(vocabulary, 'unknown_token_id'),
  }
  return Object.fromEntries(Object.entries(roles).filter(([, id]) => id !== undefined))
}

function idsByText(tokens: readonly string[]): Map<string, number> {
  return new Map(tokens.map((token, id) => [token, id]))
}

function byteLevelParts({ fields, tokens }: GgufVocabulary, forbidden: ReadonlySet<number>): KindParts {
  const family = byteLevelFamily(fields.string('pre', 'default'))
  const splits = family.patterns.map((Regex) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  }))
  const model = {
    type: 'BPE',
    vocab: Object.fromEntries(idsByText(tokens)),
    merges: fields.list('merges'),
    ignore_merges: family.ignoreMerges ?? false,
  }
  return {
    preTokenizer: buildPreTokenizer(new Fields({ type: 'Sequence', pretokenizers: splits }, 'GGUF tokenizer')),
    model: buildModel(new Fields(model, 'GGUF tokenizer'), { byteLevel: true, forbidden }),
    makeDecoder: decoderOf({ type: 'ByteLevel' }),
    spelling: 'byte-level',
    addBos: family.addBos ?? false,
    addEos: false,
    addSep: false,
  }
}

function sentencePieceParts(vocabulary: GgufVocabulary, forbidden: ReadonlySet<number>): KindParts {
  const { fields, tokens, scores } = vocabulary
  if (scores.length === 0) throw badTokenizer('tokenizer.ggml.scores is missing')
  const prefix = fields.boolean('add_space_prefix', true)
  const ids = idsByText(tokens)
  const spaces = [{ type: 'Replace', pattern: { String: ' ' }, content: '▁' }]
  const normalizers = prefix ? [{ type: 'Prepend', prepend: '▁' }, ...spaces] : spaces
  return {
    normalizer: buildNormalizer(new Fields({ type: 'Sequence', normalizers }, 'GGUF tokenizer')),
    model: new BpeModel({
      vocabulary: ids,
      merges: mergesFromScores(tokens, scores, ids, forbidden),
      byteLevel: false,
      unknownId: roleId(vocabulary, 'unknown_token_id'),
      fuseUnknown: false,
      byteFallback: true,
      ignoreMerges: false,
      continuingPrefix: '',
      endSuffix: '',
      forbidden,
    }),
    makeDecoder: blankDecoder(prefix),
    spelling: 'byte-fallback',
    addBos: true,
    addEos: false,
    addSep: false,
  }
}

function unigramParts(vocabulary: GgufVocabulary): KindParts {
  const { fields, tokens, types } = vocabulary
  if (vocabulary.scores.length === 0) throw badTokenizer('tokenizer.ggml.scores is missing')
  const matchable = (id: number) =>
    types[id] === tokenType.normal || types[id] === tokenType.userDefined || types[id] === tokenType.unused
  const scores = Float64Array.from(tokens, (_, id) =>
    types[id] === tokenType.userDefined ? 0 : (vocabulary.scores[id] as number),
  )
  const normalScores = scores.filter((_, id) => types[id] === tokenType.normal)
  const map = readBytesField(fields, 'precompiled_charsmap')
  const replaced: Normalizer = map?.length
    ? longestMatchNormalizer(parseCharacterMap(map, 'tokenizer.ggml.precompiled_charsmap'))
    : (text) => text
  const prefix = fields.boolean('add_space_prefix', false)
  const merge = fields.boolean('remove_extra_whitespaces', false)
  return {
    normalizer: (text) => escapeBlanks(replaced(text), { prefix, merge }),
    model: new UnigramModel({
      pieces: tokens,
      scores,
      lowestScore: normalScores.reduce((lowest, score) => Math.min(lowest, score), Number.POSITIVE_INFINITY),
      unknownId: roleId(vocabulary, 'unknown_token_id') ?? 2,
      byteFallback: false,
      forbidden: new Set(tokens.map((_, id) => id).filter((id) => !matchable(id))),
    }),
    makeDecoder: blankDecoder(prefix || merge),
    spelling: 'raw',
    addBos: false,
    addEos: true,
    addSep: false,
  }
}

function wordPieceParts(vocabulary: GgufVocabulary, forbidden: ReadonlySet<number>): KindParts {
  const { fields, tokens, types } = vocabulary
  // GGUF marks the tokens that begin a word; BERT's own files those that continue one.
  const spelt = tokens.map((token, id) => {
    if (types[id] !== tokenType.normal) return token
    return token.startsWith('▁') ? token.slice(1) : `##${token}`
  })
  const lowercase = fields.boolean('normalizer.lowercase', true)
  const stripAccents = fields.boolean('normalizer.strip_accents', lowercase)
  const normalizer = { type: 'BertNormalizer', lowercase, strip_accents: stripAccents }
  return {
    normalizer: buildNormalizer(new Fields(normalizer, 'GGUF tokenizer')),
    preTokenizer: buildPreTokenizer(new Fields({ type: 'BertPreTokenizer' }, 'GGUF tokenizer')),
    model: new WordPieceModel({
      vocabulary: idsByText(spelt),
      unknownId: roleId(vocabulary, 'unknown_token_id') ?? 100,
      continuingPrefix: '##',
      longestWord: 100,
      forbidden,
    }),
    makeDecoder: decoderOf({ type: 'WordPiece', prefix: '##', cleanup: true }),
    spelling: 'raw',
    addBos: true,
    addEos: false,
    addSep: true,
  }
}

function decoderOf(json: object): PipelineParts['makeDecoder'] {
  return () => buildDecoder(new Fields(json, 'GGUF tokenizer'))
}

function blankDecoder(stripsPrefix: boolean): PipelineParts['makeDecoder'] {
  const steps = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  const strip = stripsPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []
  return decoderOf({ type: 'Sequence', decoders: [...steps, ...strip] })
}
