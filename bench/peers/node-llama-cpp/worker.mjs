/**
 * llama.cpp as a side of a comparison: loads a GGUF file, then generates greedily when asked (protocol: ../README.md).
 *
 *     node worker.mjs '{"model": "x.gguf", "threads": 2, "context": 512}'
 */
import { createInterface } from 'node:readline'

const { model: modelPath, threads, context: contextSize, sequences: count = 1 } = JSON.parse(process.argv[2])
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
const peakMb = () => (process.resourceUsage().maxRSS * 1024) / 1e6

/** Generates for several prompts side by side. @returns when each token of each came, in milliseconds */
async function batch(sequences, { prompts, count }) {
  const started = performance.now()
  const times = await Promise.all(
    prompts.map(async (prompt, index) => {
      const came = []
      const sequence = sequences[index]
      await sequence.clearHistory()
      for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        came.push(performance.now() - started)
        if (came.length === count) break
      }
      return came
    }),
  )
  return { times }
}

try {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp')
  const idleMb = peakMb()
  const started = performance.now()
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads })
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({ contextSize, threads, sequences: count })
  const sequences = Array.from({ length: count }, () => context.getSequence())
  const [sequence] = sequences
  say({ event: 'ready', name: 'node-llama-cpp', load_ms: performance.now() - started, idle_rss_mb: idleMb })

  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') break
    const [request, body] = [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf(' ') + 1))]
    if (request === 'batch') {
      say({ event: 'batched', ...(await batch(sequences, body)), peak_rss_mb: peakMb() })
      continue
    }
    if (request !== 'generate') throw new Error(`unknown request ${request}`)
    await sequence.clearHistory()
    const tokens = []
    const milliseconds = []
    let before = performance.now()
    for await (const token of sequence.evaluate(body.prompt, { temperature: 0, yieldEogToken: true })) {
      milliseconds.push(performance.now() - before)
      tokens.push(token)
      if (tokens.length === body.count) break
      before = performance.now()
    }
    say({ event: 'generated', tokens, ms: milliseconds, peak_rss_mb: peakMb(), process_ms: performance.now() })
  }
} catch (error) {
  say({ event: 'error', message: error instanceof Error ? error.message : String(error) })
}
process.exit(0)
