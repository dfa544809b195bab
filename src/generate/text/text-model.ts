import { locateCheckpoint, openCheckpoint } from '../../checkpoint/index.ts'
import { R1Error } from '../../errors.ts'
import { loadQuantised, type WeightPrecision } from '../../models/index.ts'
import type { RenderLimits, Tokenizer } from '../../text/index.ts'
import type { EmbeddingModel } from '../embed.ts'
import { embeddingFormatOf } from './embedding-format.ts'
import { folderOf, loadTextFormat, type TextFormat, textFormatOf } from './text-format.ts'

export { loadTextFormat, type TextFormat }

/** A model with everything that turns text into tokens and back. */
export interface TextModel extends EmbeddingModel, TextFormat {}

export interface LoadTextOptions {
  /** How weights are kept: in the blocks of the file without it, or as int8, int4, bf16 or f32. */
  readonly weights?: WeightPrecision | undefined
  readonly signal?: AbortSignal | undefined
  /** What rendering a chat template may cost; two seconds each without it. */
  readonly renderLimits?: RenderLimits | undefined
  /** Called with what is being done and the part that is done, from 0 to 1. */
  readonly onProgress?: ((what: string, part: number) => void) | undefined
}

/**
 * Loads a model with its tokenizer and chat template.
 *
 * @param name a folder, a .gguf or .safetensors file, or a model on the hub
 * @throws R1Error `file-not-found`, `unsupported-model`, `tokenizer-not-found`, and what reading throws
 */
export async function loadTextModel(
  name: string,
  { weights = 'file', signal, renderLimits, onProgress }: LoadTextOptions = {},
): Promise<TextModel> {
  const path = await locateCheckpoint(name, {
    ...(signal && { signal }),
    onProgress: ({ file, done, total }) => onProgress?.(`fetching ${file}`, total ? done / total : 0),
  })
  await using checkpoint = await openCheckpoint(path)
  const format = await textFormatOf(checkpoint, renderLimits)
  const loaded = await loadQuantised(checkpoint, {
    precision: weights,
    ...(signal && { signal }),
    onProgress: (done, total) => onProgress?.('loading', done / total),
  })
  try {
    checkVocabulary(format.tokenizer, loaded.model.vocabulary)
    const isFolder = checkpoint.format !== 'gguf'
    const embedding = isFolder ? await embeddingFormatOf(folderOf(path), loaded.model.positions) : undefined
    return { ...loaded, ...format, embedding }
  } catch (error) {
    loaded.variables.dispose()
    throw error
  }
}

/** @throws R1Error `checkpoint-mismatch` */
function checkVocabulary({ vocabularySize }: Tokenizer, vocabulary: number): void {
  if (vocabularySize <= vocabulary) return
  throw new R1Error('checkpoint-mismatch', `The tokenizer has ${vocabularySize} tokens, the model ${vocabulary}.`, {
    remedy: 'Check that tokenizer and weights belong together.',
  })
}
