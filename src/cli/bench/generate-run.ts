import { createInterface } from 'node:readline'
import { openCheckpoint } from '../../checkpoint/open.ts'
import { Engine } from '../../generate/engine.ts'
import { loadQuantised } from '../../models/load-quantised.ts'
import type { WeightPrecision } from '../../models/weight-precision.ts'
import { peakMemoryMb } from './measure.ts'

export interface GenerateRunOptions {
  readonly threads: number
  readonly context: number
  readonly sequences: number
  readonly weights: WeightPrecision
}

const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** Tokens after a prompt, and when each came, in milliseconds. Nothing is shared with earlier prompts. */
async function timed(engine: Engine, prompt: readonly number[], maxNewTokens: number, salt: string) {
  const started = performance.now()
  const tokens: number[] = []
  const times: number[] = []
  for await (const { id } of engine.generate({ prompt, maxNewTokens, salt })) {
    tokens.push(id)
    times.push(performance.now() - started)
  }
  return { tokens, times }
}

/** Serves the protocol of bench/peers/README.md on standard input and output, with this package's engine. */
export async function serveGeneration(path: string, options: GenerateRunOptions): Promise<void> {
  const idle = peakMemoryMb()
  const started = performance.now()
  const { threads, context, sequences, weights } = options
  await using checkpoint = await openCheckpoint(path)
  const loaded = await loadQuantised(checkpoint, { precision: weights })
  await using engine = await Engine.create(loaded, { slots: sequences, context, threads })
  say({ event: 'ready', name: 'deepseek-r1', load_ms: performance.now() - started, idle_rss_mb: idle })
  let asked = 0
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') break
    const [request, body] = [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf(' ') + 1))]
    asked++
    if (request === 'batch') {
      const { prompts, count } = body as { prompts: number[][]; count: number }
      const texts = await Promise.all(prompts.map((prompt, at) => timed(engine, prompt, count, `${asked}.${at}`)))
      say({ event: 'batched', times: texts.map(({ times }) => times), peak_rss_mb: peakMemoryMb() })
    } else {
      const { prompt, count } = body as { prompt: number[]; count: number }
      const { tokens, times } = await timed(engine, prompt, count, String(asked))
      const ms = times.map((time, at) => time - (times[at - 1] ?? 0))
      say({ event: 'generated', tokens, ms, peak_rss_mb: peakMemoryMb(), process_ms: performance.now() })
    }
  }
}
