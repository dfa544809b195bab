/** Trains one configuration on every side, in turns. */
import { waitForQuiet } from './machine.mjs'
import { summarize } from './statistics.mjs'

/**
 * @param {string} name @param {object} configuration @param {import('./sides.mjs').Side[]} sides
 * @param {string[]} modes @param {{ rounds: number, seconds: number, threads: number, merged: boolean }} options
 */
export async function measureTraining(name, configuration, sides, modes, options) {
  const entrants = []
  for (const side of sides.filter((candidate) => candidate.knows(name))) {
    for (const mode of side.modes.filter((candidate) => modes.includes(candidate))) {
      const entrant = { side: side.name, mode, samples: [] }
      entrants.push(entrant)
      console.error(`${name}: starting ${side.name} ${mode} ...`)
      entrant.worker = side.start(configuration, mode, options)
      try {
        entrant.ready = await entrant.worker.start()
      } catch (error) {
        await fail(entrant, error)
      }
    }
  }
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      for (const entrant of entrants.filter(({ error }) => error === undefined)) await turn(entrant, options)
      console.error(`${name}: round ${round + 1} of ${options.rounds}`)
    }
  } finally {
    for (const { worker } of entrants) await worker.stop()
  }
  const tokens = configuration.batch * configuration.sequence
  return { name, configuration, tokensPerStep: tokens, sides: entrants.map((entrant) => outcome(entrant, tokens)) }
}

async function turn(entrant, { seconds, patience }) {
  await waitForQuiet(patience)
  const last = entrant.samples.at(-1)?.ms
  const steps = last === undefined ? 1 : Math.max(1, Math.round((seconds * 1e3) / last))
  try {
    const { ms, loss, peak_rss_mb, otherCores } = await entrant.worker.ask(`step ${steps}`, 'steps')
    for (const [index, value] of ms.entries()) entrant.samples.push({ ms: value, loss: loss[index], otherCores })
    entrant.peakRssMb = peak_rss_mb
  } catch (error) {
    await fail(entrant, error)
  }
}

async function fail(entrant, error) {
  entrant.error = error instanceof Error ? error.message : String(error)
  console.error(`${entrant.side} ${entrant.mode}: ${entrant.error}`)
  await entrant.worker.stop()
}

function outcome({ side, mode, ready, samples, peakRssMb, error }, tokens) {
  if (error !== undefined) return { side, mode, error }
  const { best, median, count, quiet } = summarize(samples)
  return {
    side,
    mode,
    msBest: best,
    msMedian: median,
    tokensPerSecondBest: (tokens / best) * 1e3,
    tokensPerSecondMedian: (tokens / median) * 1e3,
    peakRssMb,
    idleRssMb: ready.idle_rss_mb,
    parameters: ready.parameters,
    trainedParameters: ready.trained_parameters,
    firstStepMs: ready.first_step_ms,
    firstLoss: ready.first_loss,
    lastLoss: samples.at(-1).loss,
    steps: samples.length,
    countedSteps: count,
    quiet,
    versions: ready.versions,
    path: ready.path,
    samples,
  }
}
