import { R1Error } from '../../errors.ts'

/** Where a chat template may stand, the first that has one counts. */
export interface ChatTemplateSources {
  /** Contents of `chat_template.jinja`. */
  file?: string
  /** Contents of `tokenizer_config.json`: its `chat_template` is a text or a list of named ones. */
  tokenizerConfig?: Readonly<Record<string, unknown>>
  /** Metadata of a GGUF file: `tokenizer.chat_template`, and named ones as `tokenizer.chat_template.<name>`. */
  gguf?: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>
}

/** Characters; the longest templates in use have about 40,000. */
const sizeLimit = 2 ** 20

/**
 * Chooses the chat template of a model.
 *
 * @param name a named template (`tool_use`, `rag`); where it is absent the default one
 * @returns undefined where the model has none
 * @throws R1Error `template-too-large`
 */
export function chooseChatTemplate(sources: ChatTemplateSources, name = 'default'): string | undefined {
  for (const templates of [fromFile(sources.file), fromConfig(sources.tokenizerConfig), fromGguf(sources.gguf)]) {
    const chosen = templates.get(name) ?? templates.get('default')
    if (chosen !== undefined) return checkSize(chosen)
  }
  return undefined
}

type Named = ReadonlyMap<string, string>

function fromFile(file: string | undefined): Named {
  return new Map(file === undefined ? [] : [['default', file]])
}

function fromConfig(config: ChatTemplateSources['tokenizerConfig']): Named {
  const value = config?.chat_template
  if (typeof value === 'string') return new Map([['default', value]])
  const named = new Map<string, string>()
  for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
    if (typeof item !== 'object' || item === null) continue
    const { name, template } = item as Record<string, unknown>
    if (typeof name === 'string' && typeof template === 'string') named.set(name, template)
  }
  return named
}

const ggufKey = 'tokenizer.chat_template'

function fromGguf(metadata: ChatTemplateSources['gguf']): Named {
  const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata ?? {})
  const named = new Map<string, string>()
  for (const [key, value] of entries) {
    if (typeof value !== 'string') continue
    if (key === ggufKey) named.set('default', value)
    else if (key.startsWith(`${ggufKey}.`)) named.set(key.slice(ggufKey.length + 1), value)
  }
  return named
}

export function checkSize(template: string): string {
  if (template.length <= sizeLimit) return template
  throw new R1Error('template-too-large', `The chat template has ${template.length} characters.`, {
    remedy: `At most ${sizeLimit} are read; choose another template.`,
  })
}
