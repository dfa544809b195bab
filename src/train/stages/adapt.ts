import { z } from 'zod'
import { MixedStream } from '../../data/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { hashesOf } from './data-options.ts'
import { loopShape, stepsOf } from './options.ts'
import { rowBatches } from './row-batches.ts'
import { type TextData, textDataShape } from './text-data.ts'
import { checkTexts, heldOutRows, isolatedShape, trainingRows } from './text-rows.ts'
import { trainingStage } from './train-stage.ts'

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
  ...isolatedShape,
  ...loopShape,
})

/** Goes on with pretraining on other data, without forgetting. */
export const adapt = trainingStage({
  name: 'adapt',
  summary: 'Goes on with pretraining on texts of other domains, their shares rising or falling over time.',
  options,
  make: (settings, { base, parent, seed }) => {
    const { domains, length, isolated, batch, workers } = settings
    return {
      objective: nextToken,
      hashes: async () => Object.assign({}, ...(await Promise.all(domains.map((data) => hashesOf(data, base))))),
      async check() {
        for (const data of domains) await checkTexts(data, base)
      },
      async batches(rows) {
        const cutting = { length, isolated, workers, tokenizer: await loadTokenizer(parent) }
        const components = await Promise.all(
          domains.map(async (data) => ({ stream: await trainingRows(data, base, seed, cutting), share: data.share })),
        )
        const training = new MixedStream(components, { total: stepsOf(settings) * batch })
        const heldOut = await heldOutRows(domains[0] as TextData, base, cutting)
        return rowBatches(training, heldOut, { rows, workers })
      },
    }
  },
})
