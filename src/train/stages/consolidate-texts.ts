import { BatchStream, type Stream, type TokenRow } from '../../data/index.ts'
import type { LoadedModel } from '../../models/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { type Batch, batchOfTokens } from '../batch.ts'
import { consolidate, consolidation } from '../ewc.ts'
import { nextToken } from '../objectives/next-token.ts'
import type { Penalty } from '../step.ts'
import { hashesOf } from './data-options.ts'
import { scopeOf } from './loop.ts'
import type { LoopOptions } from './options.ts'
import type { StageContext } from './stage.ts'
import { checkTexts, trainingRows } from './text-rows.ts'

/** Looks at the texts that shall not be forgotten. @throws R1Error naming the first record that is wrong */
export async function checkConsolidation(
  { consolidation: held }: LoopOptions,
  { base }: Pick<StageContext, 'base'>,
): Promise<void> {
  if (held) await checkTexts(held.data, base)
}

/** SHA-256 of each of their files. */
export async function consolidationHashes(
  { consolidation: held }: LoopOptions,
  { base }: Pick<StageContext, 'base'>,
): Promise<Readonly<Record<string, string>>> {
  return held ? hashesOf(held.data, base) : {}
}

/** What holds the weights that matter to the texts which the recipe names; nothing where it names none. */
export async function consolidateTexts(
  loaded: LoadedModel,
  options: LoopOptions,
  { base, parent, seed, threads }: StageContext,
): Promise<Penalty | undefined> {
  const { consolidation: held, precision, length } = options
  if (!held) return undefined
  const cutting = { length, isolated: false, tokenizer: await loadTokenizer(parent) }
  const rows = await trainingRows(held.data, base, seed, cutting)
  try {
    await consolidate(loaded, nextToken, singleRows(rows, held.rows), { precision, threads, scope: scopeOf(options) })
  } finally {
    await rows.close()
  }
  return consolidation(held.strength)
}

async function* singleRows(rows: Stream<TokenRow>, count: number): AsyncGenerator<Batch> {
  const stream = new BatchStream(rows, 1)
  for (let row = 0; row < count; row++) {
    const tokens = await stream.next()
    if (!tokens) return
    yield batchOfTokens(tokens)
  }
}
