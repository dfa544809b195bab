import { QUIET_CORES } from './machine.mjs'

const ENOUGH = 3

/**
 * Best and median of the undisturbed samples, or of all of them where too few were undisturbed.
 * @param {{ ms: number, otherCores: number }[]} samples
 */
export function summarize(samples) {
  const undisturbed = samples.filter(({ otherCores }) => otherCores <= QUIET_CORES)
  const quiet = undisturbed.length >= ENOUGH
  const times = (quiet ? undisturbed : samples).map(({ ms }) => ms).sort((left, right) => left - right)
  return { best: times[0], median: median(times), count: times.length, quiet }
}

/** @param {number[]} sorted */
function median(sorted) {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
