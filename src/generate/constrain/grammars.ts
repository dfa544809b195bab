import type { CompiledGrammar, GrammarCompiler } from '@mlc-ai/web-xgrammar'
import { R1Error } from '../../errors.ts'
import type { Tokenizer } from '../../text/index.ts'
import type { Guide } from '../guide.ts'
import type { ConstraintSource } from './constraint.ts'
import { grammarGuide } from './grammar-guide.ts'
import { xgrammar } from './xgrammar.ts'

/** Compiled grammars that are kept, at most: whoever sends many different ones only gets them compiled again. */
const kept = 32

/** Characters of white space between two parts of JSON: a model that loves it would write nothing else. */
const mostWhitespace = 32

const vocabularyTypes = { 'byte-level': 'byte_level', 'byte-fallback': 'byte_fallback', raw: 'raw' } as const

/** Makes guides of constraints, for one vocabulary. */
export class Grammars {
  private readonly tokenizer: Tokenizer
  private readonly vocabulary: number
  private readonly stopIds: readonly number[]
  private compiler: Promise<GrammarCompiler> | undefined
  private readonly compiled = new Map<string, CompiledGrammar>()

  /** @param vocabulary number of logits, V */
  constructor(tokenizer: Tokenizer, vocabulary: number, stopIds: Iterable<number>) {
    this.tokenizer = tokenizer
    this.vocabulary = vocabulary
    this.stopIds = [...stopIds]
  }

  /**
   * A guide that forbids every token that the constraint does not allow.
   *
   * @throws R1Error `bad-constraint`
   */
  async guideFor(source: ConstraintSource): Promise<Guide> {
    const { GrammarMatcher } = await xgrammar()
    const grammar = await this.compile(source)
    return grammarGuide(await GrammarMatcher.createGrammarMatcher(grammar), this.stopIds)
  }

  private async compile(source: ConstraintSource): Promise<CompiledGrammar> {
    const key = `${source.kind} ${source.text}`
    const known = this.compiled.get(key)
    if (known) return known
    this.compiler ??= this.createCompiler()
    const compiler = await this.compiler
    try {
      const grammar = await compileWith(compiler, source)
      const [oldest] = this.compiled.keys()
      if (this.compiled.size >= kept && oldest !== undefined) this.compiled.delete(oldest)
      this.compiled.set(key, grammar)
      return grammar
    } catch (cause) {
      throw new R1Error('bad-constraint', `This ${source.kind} cannot be compiled: ${source.text.slice(0, 200)}`, {
        remedy: 'Check its syntax.',
        cause,
      })
    }
  }

  private async createCompiler(): Promise<GrammarCompiler> {
    const { GrammarCompiler, TokenizerInfo } = await xgrammar()
    const { tokenizer, vocabulary, stopIds } = this
    const tokens = Array.from({ length: vocabulary }, (_, id) => tokenizer.idToToken(id) ?? '')
    const type = vocabularyTypes[tokenizer.spelling]
    const info = await TokenizerInfo.createTokenizerInfo(tokens, type, false, vocabulary, [...stopIds])
    return await GrammarCompiler.createGrammarCompiler(info, false)
  }
}

async function compileWith(compiler: GrammarCompiler, { kind, text }: ConstraintSource): Promise<CompiledGrammar> {
  if (kind === 'grammar') return await compiler.compileGrammar(text)
  if (kind === 'regex')
    return await compiler.compileStructuralTag({ type: 'structural_tag', format: { type: 'regex', pattern: text } })
  if (text === 'true') return await compiler.compileBuiltinJSONGrammar()
  return await compiler.compileJSONSchema(text, true, undefined, undefined, true, mostWhitespace)
}
