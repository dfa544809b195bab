import type { Benchmark } from './benchmark.ts'
import { data } from './data.ts'
import { gemm } from './gemm.ts'
import { load } from './load.ts'
import { train } from './train.ts'

/** Every benchmark of `r1 bench`, one file each in this folder. */
export const benchmarks: readonly Benchmark[] = [data, gemm, load, train] as readonly Benchmark[]
