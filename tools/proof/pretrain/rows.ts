import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { BatchStream, type TokenBatch } from '../../../src/data/index.ts'
import { loadTokenizer } from '../../../src/text/index.ts'
import { type Batch, batchOfTokens } from '../../../src/train/batch.ts'
import type { TextData } from '../../../src/train/stages/text-data.ts'
import { heldOutRows, trainingRows } from '../../../src/train/stages/text-rows.ts'

export interface RowPlan {
  readonly data: TextData
  /** Folder of the recipe. */
  readonly base: string
  readonly seed: number
  /** Folder with the tokenizer. */
  readonly start: string
  readonly batch: number
  readonly length: number
}

const parts = ['ids', 'targets', 'weights'] as const

/** The batches of the stage `pretrain` in its order: so many of those to train on, or all that are held out. */
export async function* stageBatches(
  { data, base, seed, start, batch, length }: RowPlan,
  side: 'train' | 'held-out',
  count = Number.POSITIVE_INFINITY,
): AsyncGenerator<TokenBatch, void, void> {
  const cutting = { length, isolated: false, tokenizer: await loadTokenizer(start) }
  const rows = side === 'train' ? await trainingRows(data, base, seed, cutting) : await heldOutRows(data, base, cutting)
  let given = 0
  for await (const tokens of new BatchStream(rows, batch)) {
    if (given++ >= count) return
    yield tokens
  }
}

/** Writes batches for the peer: ids and targets as u16, weights as u8. @returns how many targets count */
export async function writeRows(path: string, batches: AsyncIterable<TokenBatch>): Promise<number> {
  const files = parts.map((part) => openSync(`${path}.${part}`, 'w'))
  let counted = 0
  for await (const { ids, targets, weights } of batches) {
    const arrays = [Uint16Array.from(ids, Number), Uint16Array.from(targets, Number), Uint8Array.from(weights)]
    for (const [at, array] of arrays.entries()) writeSync(files[at] as number, array)
    counted += weights.reduce((sum, weight) => sum + weight, 0)
  }
  for (const file of files) closeSync(file)
  return counted
}

/** The written batches again, as a model reads them. */
export function* readRows(path: string, batch: number, length: number): Generator<Batch, void, void> {
  if (!parts.every((part) => existsSync(`${path}.${part}`))) throw new Error(`${path}.* is missing.`)
  const bytes = parts.map((part) => readFileSync(`${path}.${part}`))
  const [ids, targets] = bytes.map((part) => new Uint16Array(part.buffer, part.byteOffset, part.byteLength / 2))
  const weights = bytes[2] as Buffer
  const size = batch * length
  for (let from = 0; from < weights.length; from += size) {
    const wide = (values: Uint16Array | undefined) =>
      BigInt64Array.from({ length: size }, (_, at) => BigInt((values as Uint16Array)[from + at] as number))
    yield batchOfTokens({
      shape: [batch, length],
      ids: wide(ids),
      targets: wide(targets),
      weights: Float32Array.from(weights.subarray(from, from + size)),
      segments: new BigInt64Array(size),
      positions: BigInt64Array.from({ length: size }, (_, at) => BigInt(at % length)),
    })
  }
}
