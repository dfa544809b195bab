/** Values over steps or times; both arrays have the same length, and `x` rises. */
export interface Series {
  readonly label: string
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/**
 * The mean of what came before, later values weighing more (exponential moving average), as if it had begun with the first value.
 *
 * @param weight of the past, from 0 (none) to below 1
 */
export function smoothed(values: readonly number[], weight: number): number[] {
  let mean = 0
  let total = 0
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value
    total = weight * total + (1 - weight)
    return mean / total
  })
}

/** The weight that averages over about a fiftieth of so many values. */
export function weightFor(count: number): number {
  return 1 - 1 / Math.max(1, count / 50)
}

/** At most about so many points, with the lowest and the highest of each stretch, so that no peak is lost. */
export function thinned({ label, x, y }: Series, most: number): Series {
  if (x.length <= most) return { label, x, y }
  const stretch = Math.ceil((x.length * 2) / most)
  const kept: number[] = []
  for (let start = 0; start < x.length; start += stretch) {
    let low = start
    let high = start
    for (let place = start; place < Math.min(start + stretch, x.length); place++) {
      if ((y[place] ?? 0) < (y[low] ?? 0)) low = place
      if ((y[place] ?? 0) > (y[high] ?? 0)) high = place
    }
    kept.push(...(low === high ? [low] : [Math.min(low, high), Math.max(low, high)]))
  }
  if (kept.at(-1) !== x.length - 1) kept.push(x.length - 1)
  return { label, x: kept.map((place) => x[place] ?? 0), y: kept.map((place) => y[place] ?? 0) }
}

/** Several series over the places of all of them; where one has no value there is null. */
export function aligned(series: readonly Series[]): [number[], ...(number | null)[][]] {
  const places = [...new Set(series.flatMap(({ x }) => x))].sort((one, other) => one - other)
  const columns = series.map(({ x, y }) => {
    const values = new Map(x.map((place, index) => [place, y[index] ?? null]))
    return places.map((place) => values.get(place) ?? null)
  })
  return [places, ...columns]
}
