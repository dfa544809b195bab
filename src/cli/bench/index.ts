import type { Benchmark } from './benchmark.ts'

/** Every benchmark of `r1 bench`, one file each in this folder. */
export const benchmarks: readonly Benchmark[] = []
