import { badTokenizer, type Fields, tokenId } from '../fields.ts'
import type { TokenizerModel } from '../model.ts'
import { BpeModel } from './bpe.ts'
import { MergeTable } from './merge.ts'
import { UnigramModel } from './unigram.ts'
import { WordLevelModel, WordPieceModel } from './word-piece.ts'

/** What a model needs to know of the rest of the tokenizer. */
export interface ModelSurroundings {
  /** The pre-tokenizer hands over raw text whose bytes are the symbols. */
  byteLevel: boolean
  /** Ids that no text may become. */
  forbidden: ReadonlySet<number>
}

/** Builds the `model` of a tokenizer.json. */
export function buildModel(fields: Fields, surroundings: ModelSurroundings): TokenizerModel {
  const type = fields.has('type') ? fields.string('type') : guessType(fields)
  switch (type) {
    case 'BPE':
      return buildBpe(fields, surroundings)
    case 'Unigram':
      return buildUnigram(fields, surroundings.forbidden)
    case 'WordPiece':
      return buildWordPiece(fields, surroundings.forbidden)
    case 'WordLevel': {
      const vocabulary = readVocabulary(fields)
      return new WordLevelModel(vocabulary, vocabulary.get(fields.string('unk_token', '')), surroundings.forbidden)
    }
    default:
      throw badTokenizer(`${fields.where} has the unknown type ${JSON.stringify(type)}`)
  }
}

/** Old files leave the type out. */
function guessType(fields: Fields): string {
  if (Array.isArray(fields.value('vocab'))) return 'Unigram'
  return fields.has('merges') ? 'BPE' : 'WordPiece'
}

function readVocabulary(fields: Fields): Map<string, number> {
  const vocabulary = new Map<string, number>()
  for (const [token, id] of fields.object('vocab').entries())
    vocabulary.set(token, tokenId(id, `${fields.where}.vocab`))
  return vocabulary
}

function buildBpe(fields: Fields, surroundings: ModelSurroundings): BpeModel {
  const vocabulary = readVocabulary(fields)
  const continuingPrefix = fields.has('continuing_subword_prefix') ? fields.string('continuing_subword_prefix') : ''
  const list = fields.list('merges')
  const merges = new MergeTable(list.length)
  list.forEach((item, rank) => {
    const [left, right] = readMerge(item, rank)
    const merged = left + right.slice(right.startsWith(continuingPrefix) ? continuingPrefix.length : 0)
    const [leftId, rightId, result] = [vocabulary.get(left), vocabulary.get(right), vocabulary.get(merged)]
    if (leftId === undefined || rightId === undefined || result === undefined) {
      throw badTokenizer(`merge ${rank} (${JSON.stringify([left, right])}) names a token that the vocabulary lacks`)
    }
    if (!surroundings.forbidden.has(result)) merges.add(leftId, rightId, rank, result)
  })
  return new BpeModel({
    vocabulary,
    merges,
    ...surroundings,
    unknownId: fields.has('unk_token') ? vocabulary.get(fields.string('unk_token')) : undefined,
    fuseUnknown: fields.boolean('fuse_unk', false),
    byteFallback: fields.boolean('byte_fallback', false),
    ignoreMerges: fields.boolean('ignore_merges', false),
    continuingPrefix,
    endSuffix: fields.has('end_of_word_suffix') ? fields.string('end_of_word_suffix') : '',
  })
}

/** Reads `"a b"` (old) or `["a", "b"]`. */
function readMerge(item: unknown, rank: number): [left: string, right: string] {
  const parts: unknown = typeof item === 'string' ? item.split(' ') : item
  if (Array.isArray(parts) && parts.length === 2 && typeof parts[0] === 'string' && typeof parts[1] === 'string') {
    return [parts[0], parts[1]]
  }
  throw badTokenizer(`merge ${rank} must be a pair of tokens`)
}

function buildUnigram(fields: Fields, forbidden: ReadonlySet<number>): UnigramModel {
  const entries = fields.list('vocab')
  const pieces: string[] = []
  const scores = new Float64Array(entries.length)
  entries.forEach((entry, id) => {
    const [piece, score]: unknown[] = Array.isArray(entry) ? entry : []
    if (typeof piece !== 'string' || typeof score !== 'number') {
      throw badTokenizer(`${fields.where}.vocab[${id}] must be a piece with its score`)
    }
    pieces.push(piece)
    scores[id] = score
  })
  const unknownId = fields.has('unk_id') ? tokenId(fields.number('unk_id'), `${fields.where}.unk_id`) : undefined
  const byteFallback = fields.boolean('byte_fallback', false)
  return new UnigramModel({ pieces, scores, unknownId, byteFallback, forbidden })
}

function buildWordPiece(fields: Fields, forbidden: ReadonlySet<number>): WordPieceModel {
  const vocabulary = readVocabulary(fields)
  const unknownToken = fields.string('unk_token', '[UNK]')
  const unknownId = vocabulary.get(unknownToken)
  if (unknownId === undefined) throw badTokenizer(`the vocabulary lacks the unknown token ${unknownToken}`)
  return new WordPieceModel({
    vocabulary,
    unknownId,
    continuingPrefix: fields.string('continuing_subword_prefix', '##'),
    longestWord: fields.number('max_input_chars_per_word', 100),
    forbidden,
  })
}
