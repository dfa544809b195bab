import { R1Error } from '../errors.ts'
import type { PretrainedOptions } from './deepseek-r1.ts'
import { isChinese } from './language.ts'
import { LazyModel, type ModelSource } from './lazy-model.ts'
import type { GenerateOptions, Message } from './text/options.ts'

/** A passage that an answer may rest on. */
export interface Source {
  readonly text: string
  readonly title?: string
}

/** Finds passages for a question, the best first. */
export type Retrieve = (
  question: string,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<readonly Source[]>

export interface QASystemOptions extends PretrainedOptions {
  readonly retrieve?: Retrieve
}

export interface AnswerOptions extends GenerateOptions {
  /** Passages for this question, instead of those that `retrieve` finds. */
  readonly sources?: readonly Source[]
}

export interface Answer {
  readonly answer: string
  /** The mean probability (geometric) that the model gave the tokens of the answer, from 0 to 1. */
  readonly confidence: number
  /** The passages that the model was shown. */
  readonly sources: readonly Source[]
}

/** Most tokens of an answer where nothing is said. */
const defaultLength = 128

/**
 * Answers questions by examples and passages.
 *
 * @example
 * await using qa = new QASystem('./model.gguf')
 * qa.addExamples([['产品退货政策是什么?', '30天内可无理由退货']])
 * const { answer, confidence } = await qa.answer('怎么退货?')
 */
export class QASystem {
  private readonly model: LazyModel
  private readonly retrieve: Retrieve | undefined
  private readonly examples: (readonly [question: string, answer: string])[] = []

  /** @param source a loaded model, or the name of one; the model that ships with the package without it */
  constructor(source?: ModelSource, { retrieve, ...options }: QASystemOptions = {}) {
    this.model = new LazyModel(source, options)
    this.retrieve = retrieve
  }

  /** Loads a model at once. @throws R1Error as `DeepSeekR1.fromPretrained` */
  static async fromPretrained(name?: string, options: QASystemOptions = {}): Promise<QASystem> {
    const system = new QASystem(name, options)
    await system.model.get()
    return system
  }

  /** Shows how to answer. @throws R1Error `bad-argument` */
  addExamples(examples: Iterable<readonly [question: string, answer: string]>): this {
    for (const example of examples) {
      if (!Array.isArray(example) || example.length !== 2 || !example.every((text) => typeof text === 'string')) {
        throw new R1Error('bad-argument', 'An example is a question and its answer.', {
          remedy: "Give for example [['How long is the guarantee?', 'Two years']].",
        })
      }
      this.examples.push(example)
    }
    return this
  }

  /** @throws R1Error as `DeepSeekR1.generate`, and what `retrieve` throws */
  async answer(question: string, { sources, ...options }: AnswerOptions = {}): Promise<Answer> {
    const { signal } = options
    const shown = sources ?? (await this.retrieve?.(question, { signal })) ?? []
    const model = await this.model.get()
    const { text, tokens } = await model.generate(messagesOf(question, this.examples, shown), {
      maxNewTokens: defaultLength,
      ...options,
      logProbabilities: 0,
    })
    const sum = tokens.reduce((total, { logProbability = 0 }) => total + logProbability, 0)
    return { answer: text.trim(), confidence: tokens.length > 0 ? Math.exp(sum / tokens.length) : 0, sources: shown }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.model.close()
  }

  /** Closes without waiting for the end of it. */
  [Symbol.dispose](): void {
    this.model.close().catch(() => undefined)
  }
}

function messagesOf(
  question: string,
  examples: readonly (readonly [string, string])[],
  sources: readonly Source[],
): Message[] {
  const chinese = isChinese(question)
  const instruction = chinese ? '简明、准确地回答问题。' : 'Answer the question briefly and precisely.'
  const passages = sources.map(({ title, text }, index) => `[${index + 1}] ${title ? `${title}: ` : ''}${text}`)
  const head = chinese ? '只依据以下资料:' : 'Use only these passages:'
  const system = passages.length > 0 ? `${instruction}\n${head}\n${passages.join('\n')}` : instruction
  return [
    { role: 'system', content: system },
    ...examples.flatMap(([asked, answered]) => [
      { role: 'user', content: asked },
      { role: 'assistant', content: answered },
    ]),
    { role: 'user', content: question },
  ]
}
