/*
 * Runs an experiment and writes its table into a page of docs/results.
 *   npm run experiment:dpo -- [--seeds 1,2,3] [--threads 1] [--fresh]
 */
import { parseArgs } from 'node:util'
import { adapt } from './adapt.ts'
import { curriculum } from './curriculum.ts'
import { distill } from './distill.ts'
import { dpo } from './dpo.ts'
import { runExperiment } from './experiment.ts'
import { ppo } from './ppo.ts'
import { rewardModel } from './reward-model.ts'
import { robustness } from './robustness.ts'
import { selfVerification } from './self-verification.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
  },
})
const experiments = [dpo, rewardModel, adapt, robustness, distill, curriculum, ppo, selfVerification]
const experiment = experiments.find(({ name }) => name === positionals[0])
if (!experiment) {
  console.error(`Name one of ${experiments.map(({ name }) => name).join(', ')}.`)
  process.exit(2)
}
const seeds = values.seeds.split(',').map(Number)
await runExperiment(experiment, { seeds, threads: Number(values.threads), fresh: values.fresh })
