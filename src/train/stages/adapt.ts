import { z } from 'zod'
import { BatchStream, MixedStream, type Stream, type TokenRow } from '../../data/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { type Batch, batchOfTokens } from '../batch.ts'
import { consolidate, consolidation } from '../ewc.ts'
import { nextToken } from '../objectives/next-token.ts'
import { hashesOf } from './data-options.ts'
import { scopeOf } from './loop.ts'
import { loopShape, stepsOf } from './options.ts'
import { rowBatches } from './row-batches.ts'
import type { Stage, StageContext } from './stage.ts'
import { checkTexts, heldOutRows, textDataShape, trainingRows } from './text-rows.ts'
import { planTraining, runTraining, type TrainStage } from './train-stage.ts'

const share = z.number().min(0)

const options = z.strictObject({
  domains: z
    .array(
      z.strictObject({
        ...textDataShape,
        share: z
          .union([share, z.array(z.tuple([z.number().min(0).max(1), share])).min(1)])
          .default(1)
          .describe('Share of the tokens; or corners [progress, share], by which it rises and falls over the stage.'),
      }),
    )
    .min(1)
    .describe('What is learnt; the first one is also measured on.'),
  isolated: z.boolean().default(false).describe('Hides texts of one row from each other.'),
  consolidation: z
    .strictObject({
      strength: z.number().positive().default(100).describe('How firmly weights are held (λ of arXiv:1612.00796).'),
      data: z.strictObject(textDataShape).describe('Texts of what shall not be forgotten.'),
      rows: z
        .int()
        .positive()
        .max(4096)
        .default(128)
        .describe('Rows of them by which the weights that matter are found.'),
    })
    .optional()
    .describe('Keeps what the model knows by holding the weights that matter to it (elastic weight consolidation).'),
  ...loopShape,
})

type Options = z.output<typeof options>

async function* singleRows(rows: Stream<TokenRow>, count: number): AsyncGenerator<Batch> {
  const stream = new BatchStream(rows, 1)
  for (let row = 0; row < count; row++) {
    const tokens = await stream.next()
    if (!tokens) return
    yield batchOfTokens(tokens)
  }
}

function stageOf(settings: Options, { base, parent, seed }: StageContext): TrainStage {
  const { domains, consolidation: held, length, isolated, batch } = settings
  const cutting = async () => ({ length, isolated, tokenizer: await loadTokenizer(parent) })
  const sources = [...domains, ...(held ? [held.data] : [])]
  return {
    name: 'adapt',
    objective: nextToken,
    async hashes() {
      return Object.assign({}, ...(await Promise.all(sources.map((data) => hashesOf(data, base)))))
    },
    async check() {
      for (const data of sources) await checkTexts(data, base)
    },
    async batches(rows) {
      const options = await cutting()
      const components = await Promise.all(
        domains.map(async (data) => ({ stream: await trainingRows(data, base, seed, options), share: data.share })),
      )
      const training = new MixedStream(components, { total: stepsOf(settings) * batch })
      return rowBatches(training, await heldOutRows(domains[0] as Options['domains'][number], base, options), rows)
    },
    async prepare(loaded) {
      if (!held) return {}
      const rows = await trainingRows(held.data, base, seed, await cutting())
      try {
        const { precision } = settings
        await consolidate(loaded, nextToken, singleRows(rows, held.rows), { precision, scope: scopeOf(settings) })
      } finally {
        await rows.close()
      }
      return { penalty: consolidation(held.strength) }
    },
  }
}

/** Goes on with pretraining on other data, without forgetting. */
export const adapt: Stage<typeof options> = {
  name: 'adapt',
  summary: 'Goes on with pretraining on texts of other domains, their shares rising or falling over time.',
  options,
  plan: (settings, context) => planTraining(stageOf(settings, context), settings, context),
  run: (settings, context) => runTraining(stageOf(settings, context), settings, context),
}
