import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { locateCheckpoint } from '../../checkpoint/hub/locate.ts'
import { openCheckpoint } from '../../checkpoint/open.ts'
import { readJsonFile, readTextFile } from '../../checkpoint/text-files.ts'
import {
  ChatTemplate,
  chooseChatTemplate,
  loadTokenizer,
  type RenderLimits,
  type Tokenizer,
  tokenizerFromGguf,
} from '../../text/index.ts'
import type { SamplingOptions } from '../sampling/options.ts'

/** What turns text into tokens and back, as a checkpoint says. */
export interface TextFormat {
  readonly path: string
  readonly tokenizer: Tokenizer
  /** How conversations are written for it; undefined for a model that only continues text. */
  readonly template: ChatTemplate | undefined
  /** Tokens that end a text. */
  readonly stopIds: ReadonlySet<number>
  /** What the checkpoint recommends. */
  readonly sampling: SamplingOptions
}

/**
 * Loads what turns text into tokens and back, without the weights: for an engine that runs elsewhere.
 *
 * @param name a folder, a .gguf or .safetensors file, or a model on the hub
 * @throws R1Error `file-not-found`, `tokenizer-not-found`, and what reading throws
 */
export async function loadTextFormat(name: string, signal?: AbortSignal): Promise<TextFormat> {
  await using checkpoint = await openCheckpoint(await locateCheckpoint(name, signal ? { signal } : {}))
  return await textFormatOf(checkpoint)
}

/** What an open checkpoint says of it. @throws R1Error `tokenizer-not-found`, and what reading throws */
export async function textFormatOf(checkpoint: Checkpoint, limits?: RenderLimits): Promise<TextFormat> {
  const [tokenizer, source] = await Promise.all([tokenizerOf(checkpoint), templateOf(checkpoint)])
  return {
    path: checkpoint.path,
    tokenizer,
    template:
      source === undefined
        ? undefined
        : new ChatTemplate(source, { specialTokens: specialTexts(tokenizer), ...(limits && { limits }) }),
    stopIds: stopIdsOf(checkpoint, tokenizer),
    sampling: samplingOf(checkpoint.generationConfig),
  }
}

/** The folder of a checkpoint that is one, or of its file. */
export const folderOf = (path: string): string =>
  /\.(gguf|safetensors|bin)$/.test(path) ? path.replace(/[^/\\]*$/, '.') : path

async function tokenizerOf({ format, metadata, path }: Checkpoint): Promise<Tokenizer> {
  return format === 'gguf' ? tokenizerFromGguf(metadata) : await loadTokenizer(folderOf(path))
}

async function templateOf({ format, metadata, path }: Checkpoint): Promise<string | undefined> {
  if (format === 'gguf') return chooseChatTemplate({ gguf: metadata })
  const folder = folderOf(path)
  const [file, tokenizerConfig] = await Promise.all([
    readTextFile(folder, 'chat_template.jinja'),
    readJsonFile(folder, 'tokenizer_config.json'),
  ])
  return chooseChatTemplate({ ...(file !== undefined && { file }), ...(tokenizerConfig && { tokenizerConfig }) })
}

/** The names under which templates ask for the texts of tokens. */
function specialTexts(tokenizer: Tokenizer): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const role of ['bos', 'eos', 'pad', 'unk'] as const) {
    const id = tokenizer.special[role]
    const text = id === undefined ? undefined : tokenizer.idToToken(id)
    if (text !== undefined) texts[`${role}_token`] = text
  }
  return texts
}

function stopIdsOf({ config, generationConfig }: Checkpoint, { special }: Tokenizer): ReadonlySet<number> {
  const stated = [config.eos_token_id, generationConfig.eos_token_id].flat()
  return new Set([special.eos, special.eot, ...stated].filter((id): id is number => Number.isInteger(id)))
}

/** What generation_config.json says, where it recommends sampling. */
function samplingOf(config: Readonly<Record<string, unknown>>): SamplingOptions {
  const number = (key: string) => (typeof config[key] === 'number' ? (config[key] as number) : undefined)
  const repetitionPenalty = number('repetition_penalty')
  if (config.do_sample !== true) return { repetitionPenalty }
  const topK = number('top_k')
  return {
    repetitionPenalty,
    temperature: number('temperature') ?? 1,
    topP: number('top_p'),
    topK: topK === 0 ? undefined : topK,
    minP: number('min_p'),
  }
}
