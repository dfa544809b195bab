import { readAddedToken } from './added-tokens.ts'
import { buildDecoder, spacedTokens } from './decoders.ts'
import { Fields } from './fields.ts'
import { buildModel } from './models/build.ts'
import { buildNormalizer } from './normalizers.ts'
import { PipelineTokenizer } from './pipeline.ts'
import { buildFrame } from './post-processor.ts'
import { buildPreTokenizer, byteLevelSplit, type PreTokenizer, sequence } from './pre-tokenizers.ts'
import { type TimeLimit, timeLimit } from './time-limit.ts'
import type { SpecialTokenIds, Tokenizer, TokenSpelling } from './tokenizer.ts'
import { hasForeignPattern } from './trusted-patterns.ts'

/**
 * Builds a tokenizer from the contents of `tokenizer.json`.
 *
 * @param json the parsed file
 * @param config the parsed `tokenizer_config.json`, which names the tokens with a role
 * @throws R1Error `bad-tokenizer`
 */
export function tokenizerFromJson(json: unknown, config?: unknown): Tokenizer {
  const fields = new Fields(json, 'tokenizer.json')
  const addedTokens = fields.objects('added_tokens').map(readAddedToken)
  const forbidden = new Set(addedTokens.filter((token) => token.special).map((token) => token.id))
  const { preTokenizer, byteLevel } = readPreTokenizer(fields)
  const model = buildModel(fields.object('model'), { byteLevel, forbidden })
  const decoder = fields.has('decoder') ? fields.object('decoder') : undefined
  if (decoder) buildDecoder(decoder) // A fault in it shows now, not at the first text.
  const makeDecoderLimit = limitOf(fields, 'decoder')
  const ids = new Map([...model.vocabulary, ...addedTokens.map((token) => [token.content, token.id] as const)])
  return new PipelineTokenizer({
    addedTokens,
    normalizer: fields.has('normalizer') ? buildNormalizer(fields.object('normalizer')) : undefined,
    preTokenizer,
    model,
    frame: fields.has('post_processor') ? buildFrame(fields.object('post_processor')) : { prefix: [], suffix: [] },
    makeDecoder: decoder ? () => buildDecoder(decoder, makeDecoderLimit?.()) : spacedTokens,
    special: { unk: model.unknownId, ...(config === undefined ? {} : readRoles(config, ids)) },
    spelling: readSpelling(fields, byteLevel),
    makeLimit: limitOf(fields, 'normalizer', 'pre_tokenizer'),
  })
}

/** How the time of some parts is limited, where one brings a pattern that is not known to be fast. */
function limitOf(fields: Fields, ...parts: string[]): (() => TimeLimit) | undefined {
  return parts.some((part) => hasForeignPattern(fields.value(part))) ? timeLimit : undefined
}

/** Where a BPE model without affixes follows a `ByteLevel` step, the spelling of bytes is left to the model, which caches. */
function readPreTokenizer(fields: Fields): { preTokenizer?: PreTokenizer; byteLevel: boolean } {
  if (!fields.has('pre_tokenizer')) return { byteLevel: false }
  const outer = fields.object('pre_tokenizer')
  const steps = outer.string('type') === 'Sequence' ? outer.objects('pretokenizers') : [outer]
  const last = steps.at(-1)
  const model = fields.object('model')
  const isPlainBpe =
    model.has('merges') && !model.value('end_of_word_suffix') && !model.value('continuing_subword_prefix')
  if (!isPlainBpe || last?.string('type') !== 'ByteLevel')
    return { preTokenizer: buildPreTokenizer(outer), byteLevel: false }
  const earlier = steps.slice(0, -1).map((step) => buildPreTokenizer(step))
  return { preTokenizer: sequence([...earlier, byteLevelSplit(last)]), byteLevel: true }
}

function readSpelling(fields: Fields, byteLevel: boolean): TokenSpelling {
  const spellsBytes = (key: string) =>
    fields.has(key) && fields.object(key).has('type') && fields.object(key).string('type') === 'ByteLevel'
  if (byteLevel || spellsBytes('decoder') || spellsBytes('normalizer')) return 'byte-level'
  return fields.object('model').boolean('byte_fallback', false) ? 'byte-fallback' : 'raw'
}

const roles = { bos: 'bos_token', eos: 'eos_token', pad: 'pad_token', unk: 'unk_token' } as const

/** Reads `"eos_token": "</s>"` or `{"content": "</s>"}` for each role. */
function readRoles(config: unknown, ids: ReadonlyMap<string, number>): SpecialTokenIds {
  const fields = new Fields(config, 'tokenizer_config.json')
  const special: SpecialTokenIds = {}
  for (const [role, key] of Object.entries(roles)) {
    if (!fields.has(key)) continue
    const named = fields.value(key)
    const content = typeof named === 'string' ? named : fields.object(key).string('content')
    const id = ids.get(content)
    if (id !== undefined) special[role as keyof SpecialTokenIds] = id
  }
  return special
}
