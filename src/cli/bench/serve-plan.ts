/** What is measured, in every process alike. */
export interface LoadPlan {
  readonly clients: number
  readonly requests: number
  /** New tokens of each. */
  readonly tokens: number
  /** Characters of each prompt. */
  readonly characters: number
  /** Objectives, in milliseconds. */
  readonly ttft: number
  readonly tpot: number
}

/** A prompt; no two share a beginning, which would be computed once only. */
export function promptText(index: number, characters: number): string {
  const words = `${index * 7919} questions were asked of the model, and this is one of them. `
  return words.repeat(Math.ceil(characters / words.length)).slice(0, characters)
}

/** Runs so many tasks, so many at a time: whoever is ready takes the next. */
export async function closedLoop(
  count: number,
  together: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await task(index)
  }
  await Promise.all(Array.from({ length: together }, worker))
}

/** The value below which a part of the values lies; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}
