import { R1Error } from '../../errors.ts'
import { type AddedToken, AddedTokenFinder } from './added-tokens.ts'
import type { DecoderStep } from './decoders.ts'
import { IdBuffer } from './id-buffer.ts'
import type { TokenizerModel } from './model.ts'
import type { Normalizer } from './normalizers.ts'
import type { SequenceFrame } from './post-processor.ts'
import type { PreTokenizer } from './pre-tokenizers.ts'
import { isCut, SpecialTextFinder } from './special-text.ts'
import { type TimeLimit, withoutLimit } from './time-limit.ts'
import type {
  DecodeOptions,
  EncodeOptions,
  SpecialTokenIds,
  StreamDecoder,
  Tokenizer,
  TokenSpelling,
} from './tokenizer.ts'
import { wellFormed } from './well-formed.ts'

/** The parts of a tokenizer, in the order in which text passes them. */
export interface PipelineParts {
  addedTokens: readonly AddedToken[]
  normalizer?: Normalizer
  preTokenizer?: PreTokenizer
  model: TokenizerModel
  frame: SequenceFrame
  /** Makes a fresh chain of decoding steps. */
  makeDecoder: () => DecoderStep
  special: SpecialTokenIds
  spelling: TokenSpelling
  /** Where patterns are not known to be fast: makes the limit for one text. */
  makeLimit?: (() => TimeLimit) | undefined
}

/** What an added token found in the text may be. */
type Permits = (token: AddedToken, start: number, end: number) => boolean

/** A tokenizer made of Hugging Face's stages: added tokens, normaliser, pre-tokenizer, model, frame, decoder. */
export class PipelineTokenizer implements Tokenizer {
  readonly vocabularySize: number
  readonly special: SpecialTokenIds
  readonly spelling: TokenSpelling
  readonly specialTokens: ReadonlyMap<string, number>
  private readonly parts: PipelineParts
  private readonly rawTokens: AddedTokenFinder
  private readonly normalizedTokens: AddedTokenFinder
  private readonly idToText: string[] = []
  private readonly textToId = new Map<string, number>()
  private readonly specialIds = new Set<number>()
  private finder: SpecialTextFinder | undefined

  constructor(parts: PipelineParts) {
    this.parts = parts
    this.special = parts.special
    this.spelling = parts.spelling
    const { addedTokens, normalizer } = parts
    const inTime = this.makeLimit()
    const normalized = (token: AddedToken) => token.normalized && normalizer !== undefined
    this.rawTokens = new AddedTokenFinder(
      addedTokens.filter((token) => !normalized(token)).map((token) => [token.content, token]),
    )
    this.normalizedTokens = new AddedTokenFinder(
      addedTokens
        .filter(normalized)
        .map((token) => [
          normalizer ? inTime(token.content.length, () => normalizer(token.content)) : token.content,
          token,
        ]),
    )
    for (const [text, id] of parts.model.vocabulary) this.name(text, id)
    for (const token of addedTokens) this.name(token.content, token.id)
    const specials = addedTokens.filter((token) => token.special)
    for (const token of specials) this.specialIds.add(token.id)
    this.specialTokens = new Map(specials.map((token) => [token.content, token.id]))
    this.vocabularySize = this.idToText.length
  }

  private makeLimit(): TimeLimit {
    return this.parts.makeLimit?.() ?? withoutLimit
  }

  private name(text: string, id: number): void {
    this.idToText[id] = text
    this.textToId.set(text, id)
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { specialTokens = 'text', addSpecial = false, barriers = [] } = options
    const out = new IdBuffer()
    if (addSpecial) out.pushAll(this.parts.frame.prefix)
    const permits: Permits = (token, start, end) =>
      !token.special || (specialTokens === 'allow' && !isCut(barriers, start, end))
    const whole = wellFormed(text)
    const inTime = this.makeLimit()
    for (const section of this.rawTokens.sections(whole, permits)) {
      if (section.token) out.push(section.token.id)
      else {
        // Normalising moves offsets, so a stretch with a barrier in it yields no special token at all.
        const fenced = barriers.some((barrier) => barrier >= section.start && barrier <= section.end)
        const special = specialTokens === 'allow' && !fenced
        this.encodeSection(whole.slice(section.start, section.end), section.start === 0, special, inTime, out)
      }
    }
    if (addSpecial) out.pushAll(this.parts.frame.suffix)
    return out.slice()
  }

  private encodeSection(text: string, atStart: boolean, allowSpecial: boolean, inTime: TimeLimit, out: IdBuffer): void {
    const { normalizer, preTokenizer, model } = this.parts
    const normalized = normalizer ? inTime(text.length, () => normalizer(text)) : text
    const permits: Permits = (token) => !token.special || allowSpecial
    for (const section of this.normalizedTokens.sections(normalized, permits)) {
      if (section.token) {
        out.push(section.token.id)
        continue
      }
      const stretch = normalized.slice(section.start, section.end)
      if (!preTokenizer) model.encode(stretch, out)
      else
        for (const piece of inTime(stretch.length, () => preTokenizer(stretch, atStart && section.start === 0)))
          if (piece !== '') model.encode(piece, out)
    }
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const decoder = this.streamDecoder(options)
    return decoder.push(ids) + decoder.flush()
  }

  streamDecoder(options: DecodeOptions = {}): StreamDecoder {
    const { skipSpecial = false } = options
    const step = this.parts.makeDecoder()
    const tokensOf = (ids: ArrayLike<number>): string[] => {
      const tokens: string[] = []
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as number
        if (!Number.isInteger(id) || id < 0) throw this.outOfRange(id)
        const token = this.idToText[id]
        if (token !== undefined && !(skipSpecial && this.specialIds.has(id))) tokens.push(token)
      }
      return tokens
    }
    return {
      push: (ids) => step.push(tokensOf(typeof ids === 'number' ? [ids] : ids)).join(''),
      flush: () => step.flush().join(''),
    }
  }

  private outOfRange(id: number): R1Error {
    return new R1Error('token-out-of-range', `${id} is not a token id.`, {
      remedy: `Ids are whole numbers from 0 to ${this.vocabularySize - 1}.`,
    })
  }

  tokenToId(token: string): number | undefined {
    return this.textToId.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.idToText[id]
  }

  isSpecial(id: number): boolean {
    return this.specialIds.has(id)
  }

  specialTextCuts(text: string): number[] {
    this.finder ??= new SpecialTextFinder(this.specialTokens.keys())
    const cuts = this.finder.cuts(text)
    if (cuts.length > 0 || !this.parts.normalizer) return cuts
    // Text that only becomes a special token's by normalising: any cut in its stretch keeps it text.
    const { normalizer } = this.parts
    const found = this.normalizedTokens
      .sections(
        this.makeLimit()(text.length, () => normalizer(text)),
        (token) => token.special,
      )
      .some((section) => section.token !== undefined)
    return found ? [0] : []
  }
}
