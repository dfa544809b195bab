import { R1Error } from '../errors.ts'
import type { DeepSeekR1, PretrainedOptions } from './deepseek-r1.ts'
import { isChinese } from './language.ts'
import { LazyModel, type ModelSource } from './lazy-model.ts'
import { piecesOf } from './pieces.ts'
import type { GenerateOptions } from './text/options.ts'

export interface SummarizeOptions extends GenerateOptions {
  /** Length of the summary as a part of the document's, 0.3 without it. */
  readonly ratio?: number
}

/** Summarises documents: call it, or its method. */
export interface Summarizer {
  (document: string, options?: SummarizeOptions): Promise<string>
  /**
   * Summarises a document. One that does not fit the context is summarised in pieces.
   *
   * @throws R1Error `bad-option`, `bad-argument`, and as `DeepSeekR1.generate`
   */
  summarize(document: string, options?: SummarizeOptions): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

interface SummarizerConstructor {
  /** @param source a loaded model, or the name of one; the model that ships with the package without it */
  new (source?: ModelSource, options?: PretrainedOptions): Summarizer
  /** Loads a model at once. @throws R1Error as `DeepSeekR1.fromPretrained` */
  fromPretrained(name?: string, options?: PretrainedOptions): Promise<Summarizer>
}

function create(model: LazyModel): Summarizer {
  const summarize = async (document: string, options?: SummarizeOptions) =>
    await summarizeWith(await model.get(), document, options)
  return Object.assign((document: string, options?: SummarizeOptions) => summarize(document, options), {
    summarize,
    [Symbol.asyncDispose]: () => model.close(),
  })
}

/**
 * Summarises documents.
 *
 * @example
 * const summary = await new Summarizer(model).summarize(document, { ratio: 0.3 })
 */
export const Summarizer: SummarizerConstructor = Object.assign(
  // A function, since what a class makes cannot be called.
  function Summarizer(source?: ModelSource, options?: PretrainedOptions): Summarizer {
    return create(new LazyModel(source, options))
  } as unknown as SummarizerConstructor,
  {
    async fromPretrained(name?: string, options?: PretrainedOptions): Promise<Summarizer> {
      const model = new LazyModel(name, options)
      await model.get()
      return create(model)
    },
  },
)

/** Tokens of an instruction and of a template around a piece, with room to spare. */
const overhead = 128
/** The shortest summary, in tokens. */
const shortest = 16

async function summarizeWith(
  model: DeepSeekR1,
  document: string,
  { ratio = 0.3, ...options }: SummarizeOptions = {},
): Promise<string> {
  if (typeof document !== 'string' || document.trim() === '') {
    throw new R1Error('bad-argument', 'There is no text to summarise.', { remedy: 'Give a document.' })
  }
  if (!(ratio > 0 && ratio < 1)) {
    throw new R1Error('bad-option', `ratio cannot be ${String(ratio)}.`, { remedy: 'Use a number between 0 and 1.' })
  }
  const count = (text: string) => model.tokenizer.encode(text).length
  const room = Math.floor((model.context - overhead) / (1 + ratio))
  if (room < shortest) {
    throw new R1Error('context-too-long', `A context of ${model.context} tokens is too short to summarise in.`, {
      remedy: 'Load the model with a longer context.',
    })
  }
  const pieces = piecesOf(document, room, count)
  const summaries = await Promise.all(
    pieces.map(async (piece) => {
      const length = Math.max(shortest, Math.ceil(count(piece) * ratio))
      const { text } = await model.generate([{ role: 'user', content: instructionFor(piece, ratio) }], {
        maxNewTokens: length,
        // A summary repeats its document: guessing tokens from it saves steps and changes nothing.
        lookup: true,
        ...options,
      })
      return text.trim()
    }),
  )
  return summaries.join('\n')
}

function instructionFor(piece: string, ratio: number): string {
  if (isChinese(piece)) {
    const characters = Math.max(10, Math.round([...piece].length * ratio))
    return `请用不超过${characters}个字概括下面的文字,只写概括:\n\n${piece}`
  }
  const words = Math.max(10, Math.round(piece.split(/\s+/).length * ratio))
  return `Summarize the following text in at most ${words} words. Write only the summary.\n\n${piece}`
}
