import type { Benchmark } from './benchmark.ts'
import { data } from './data.ts'
import { engine } from './engine/engine.ts'
import { gemm } from './gemm.ts'
import { generate } from './generate.ts'
import { load } from './load.ts'
import { rl } from './rl.ts'
import { serve } from './serve.ts'
import { train } from './train.ts'

/** Every benchmark of `r1 bench`, one file each in this folder. */
export const benchmarks: readonly Benchmark[] = [
  data,
  engine,
  gemm,
  generate,
  load,
  rl,
  serve,
  train,
] as readonly Benchmark[]
