import { R1Error } from '../../../errors.ts'
import { byteToCharacter } from '../byte-alphabet.ts'
import { compileOniguruma } from '../pattern.ts'
import { gpt2Pattern } from '../pre-tokenizers.ts'
import { countWords, type WordCounts } from './count-words.ts'
import { defaultPattern } from './default-pattern.ts'
import { learnMerges } from './learn-merges.ts'

/** Progress of a training: characters read, then tokens made. */
export type TrainBpeProgress = { phase: 'count'; characters: number } | { phase: 'merge'; tokens: number }

export interface TrainBpeOptions {
  /** Tokens in all: special ones, 256 bytes, merges. Fewer come out where the texts have too few pairs. */
  vocabularySize: number
  /** Control tokens; they get the ids from 0 on. */
  specialTokens?: readonly string[]
  /** A pair that occurs less often than this does not become a token. Default 2. */
  minFrequency?: number
  /** Cuts the text into pieces that merges do not cross, in Oniguruma's notation. Default {@link defaultPattern}. */
  pattern?: string
  signal?: AbortSignal
  onProgress?: (progress: TrainBpeProgress) => void
}

/** The contents of a `tokenizer.json`. */
export type TokenizerJson = Record<string, unknown>

/**
 * Trains a byte-level BPE: the same texts give the same tokenizer, whatever their order of equal counts.
 *
 * @returns the contents of a standard `tokenizer.json`
 * @throws R1Error `bad-argument`
 */
export async function trainBpe(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainBpeOptions,
): Promise<TokenizerJson> {
  const { specialTokens = [], minFrequency = 2, pattern = defaultPattern, signal, onProgress } = options
  checkSize(options.vocabularySize, specialTokens)
  const counts = await countWords(texts, {
    pattern: compileOniguruma(pattern, 'pattern'),
    signal,
    onText: (characters) => onProgress?.({ phase: 'count', characters }),
  })
  const bytes = [...byteToCharacter].sort()
  const tokens = [...specialTokens, ...bytes]
  const merges = learnMerges({
    words: spellWords(counts, new Map(bytes.map((character, index) => [character, specialTokens.length + index]))),
    tokens,
    vocabularySize: options.vocabularySize,
    minFrequency,
    onMerge: (size) => {
      signal?.throwIfAborted()
      onProgress?.({ phase: 'merge', tokens: size })
    },
  })
  const texted = merges.map(([left, right]) => [tokens[left], tokens[right]])
  return tokenizerJson(tokens, texted, specialTokens, pattern)
}

function checkSize(vocabularySize: number, specialTokens: readonly string[]): void {
  const least = 256 + specialTokens.length
  if (Number.isInteger(vocabularySize) && vocabularySize >= least) return
  throw new R1Error('bad-argument', `A byte-level vocabulary of ${vocabularySize} tokens cannot be made.`, {
    remedy: `It takes at least ${least}: 256 bytes and ${specialTokens.length} special tokens.`,
  })
}

const utf8 = new TextEncoder()

/** Words as ids of their bytes. */
function spellWords(counts: WordCounts, idOf: ReadonlyMap<string, number>): { ids: number[]; count: number }[] {
  const byteIds = byteToCharacter.map((character) => idOf.get(character) as number)
  return [...counts].map(([word, { count }]) => ({
    ids: Array.from(utf8.encode(word), (byte) => byteIds[byte] as number),
    count,
  }))
}

function tokenizerJson(
  tokens: readonly string[],
  merges: readonly unknown[],
  specialTokens: readonly string[],
  pattern: string,
): TokenizerJson {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: pattern === gpt2Pattern,
  }
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel.use_regex ? byteLevel : { type: 'Sequence', pretokenizers: [split, byteLevel] },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
}
