import { join } from 'node:path'
import { readJsonFile } from '../../checkpoint/text-files.ts'
import { R1Error } from '../../errors.ts'
import type { EmbeddingFormat } from '../embed.ts'

/** Names that sentence-transformers gives to what is understood here. */
const poolings = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'first',
  pooling_mode_lasttoken: 'last',
} as const

/**
 * How a checkpoint in the layout of sentence-transformers makes vectors; undefined for any other.
 *
 * @param positions tokens that the model was made for
 * @throws R1Error `unsupported-model` for another way to pool
 */
export async function embeddingFormatOf(folder: string, positions: number): Promise<EmbeddingFormat | undefined> {
  const [pooling, sentences] = await Promise.all([
    readJsonFile(join(folder, '1_Pooling'), 'config.json'),
    readJsonFile(folder, 'sentence_bert_config.json'),
  ])
  if (!pooling) return undefined
  const asked = Object.keys(pooling).filter((key) => key.startsWith('pooling_mode_') && pooling[key] === true)
  const [name = ''] = asked
  const known = poolings[name as keyof typeof poolings]
  if (asked.length !== 1 || known === undefined) {
    throw new R1Error('unsupported-model', `Its vectors are pooled by ${asked.join(' and ') || 'nothing'}.`, {
      remedy: `Use a model that is pooled by one of ${Object.keys(poolings).join(', ')}.`,
    })
  }
  const most = sentences?.max_seq_length
  const isLength = Number.isInteger(most) && (most as number) >= 1
  return { pooling: known, length: isLength ? Math.min(positions, most as number) : positions }
}
