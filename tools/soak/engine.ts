/**
 * `npm run soak:engine [-- requests]`: sends 10,000 requests of every kind to an engine over a tiny model (some cancelled,
 * some refused, some that fail) and prints its memory. Fails where memory grows or a request is lost.
 */
import { Engine } from '../../src/generate/engine.ts'
import { loadTiny, someTokens } from '../../src/generate/testing/engine.ts'

/** Growth of resident memory from the first tenth to the end that is still noise, in MB. */
const allowedGrowth = 48

const total = Number(process.argv[2] ?? 10_000)
const loaded = await loadTiny()
const engine = await Engine.create(loaded, { slots: 8, context: 96, chunk: 16, threads: 1, spinning: false })
const outcomes = new Map<string, number>()
const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)

async function request(index: number): Promise<void> {
  const controller = new AbortController()
  const stream = engine.generate({
    prompt: someTokens(1 + ((index * 13) % 60), loaded.model.vocabulary, index % 50),
    maxNewTokens: 1 + (index % 12),
    sampling: index % 2 ? { temperature: 1, seed: index, topP: 0.9 } : {},
    lookup: index % 3 === 0,
    signal: controller.signal,
    ...(index % 97 === 0 && {
      guide: { restrict: (logits) => logits.fill(Number.NEGATIVE_INFINITY), accept: () => undefined },
    }),
  })
  if (index % 11 === 0) setImmediate(() => controller.abort())
  if (index % 13 === 0) {
    try {
      for await (const _ of stream) break
    } catch {
      // How it ended is asked for below.
    }
  }
  await stream.finish.then(
    ({ reason }) => count(reason),
    (error: { code: string }) => count(error.code),
  )
}

const residentMb = () => Math.round(process.memoryUsage().rss / 1e6)
let next = 0
let settled = Number.NaN
const worker = async () => {
  while (next < total) {
    const index = next++
    if (index === Math.floor(total / 10)) settled = residentMb()
    if (index % Math.ceil(total / 10) === 0) console.log(`${index} requests, ${residentMb()} MB`)
    await request(index)
  }
}
const started = performance.now()
await Promise.all(Array.from({ length: 32 }, worker))
const grown = residentMb() - settled
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(`${total} requests in ${seconds} s: ${JSON.stringify(Object.fromEntries(outcomes))}`)
console.log(`${residentMb()} MB, ${grown} MB more than after the first tenth`)
console.log(JSON.stringify(engine.statistics))
const { running, waiting } = engine.statistics
await engine.close()
const answered = [...outcomes.values()].reduce((sum, value) => sum + value, 0)
if (grown > allowedGrowth || answered !== total || running + waiting > 0) {
  console.error('Memory grew, or requests were lost.')
  process.exitCode = 1
}
