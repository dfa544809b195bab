/**
 * Asks a server for what its own description says, and for what it does not: `npm run fuzz:serve -- --requests 20000 --seed 1`.
 * Found are answers of 5xx, answers that never come, requests that leave something behind, and memory that grows.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { type TinyServer, tinyServer } from '../../../src/serve/testing/tiny-server.ts'
import { openStore } from '../../../src/store/index.ts'
import { type Schema, valuesOf } from './values.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    together: { type: 'string', default: '8' },
  },
})
const requests = Number(values.requests)
const together = Number(values.together)

/** Keys that the fuzz makes lock everybody else out. */
const adminKey = 'the-key-of-the-fuzz'
const authorization = `Bearer ${adminKey}`

interface Operation {
  readonly path: string
  readonly method: string
  readonly body: fc.Arbitrary<string | undefined>
}

/** Streams without an end, and what would end the server's data. */
const leftOut = /\/events$/

function operationsOf(document: {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>
  components?: { schemas?: Record<string, Schema> }
}): Operation[] {
  const schemas = document.components?.schemas ?? {}
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    leftOut.test(path)
      ? []
      : Object.entries(methods).map(([method, { requestBody }]) => {
          const schema = requestBody?.content['application/json']?.schema
          const body = schema
            ? fc.oneof(
                { weight: 30, arbitrary: valuesOf(schema, schemas).map((value) => JSON.stringify(limited(value))) },
                { weight: 1, arbitrary: fc.string() },
              )
            : fc.constant(undefined)
          return { path, method: method.toUpperCase(), body }
        }),
  )
}

/** Texts of a few tokens: that many requests would otherwise take days. */
function limited(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { max_tokens: given, n } = value as Record<string, unknown>
  const few = typeof given === 'number' && given > 40 ? 40 : (given ?? 8)
  return { ...value, max_tokens: few, max_output_tokens: 8, ...(typeof n === 'number' && n > 2 && n <= 8 && { n: 2 }) }
}

const ids = fc.constantFrom(
  'tiny',
  'nobody',
  '%00',
  '..%2f..',
  "' or 1=1",
  'x'.repeat(300),
  '00000000-0000-4000-8000-000000000000',
)

async function ask({ address }: TinyServer, operation: Operation, id: string, body: string | undefined) {
  const path = operation.path.replaceAll(/\{\w+\}/g, encodeURI(id))
  const response = await fetch(address + path, {
    method: operation.method,
    signal: AbortSignal.timeout(60_000),
    headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  })
  await response.text()
  return response.status
}

const data = await mkdtemp(join(tmpdir(), 'r1-fuzz-'))
const store = await openStore({ data, url: null })
const server = await tinyServer({ idleMinutes: 0, mostRequests: 64, adminKey, runs: data }, store)
const document = await (await server.get('/openapi.json', { authorization })).json()
const operations = operationsOf(document as Parameters<typeof operationsOf>[0])
// Those that take a body have more to say.
const weighted = operations.flatMap((operation) =>
  Array.from({ length: operation.method === 'POST' ? 6 : 1 }, () => operation),
)
const plans = fc.constantFrom(...weighted).chain((operation) => fc.tuple(fc.constant(operation), ids, operation.body))
const statuses = new Map<number, number>()
const findings: string[] = []
const measure = () => {
  globalThis.gc?.()
  return { megabytes: Math.round(process.memoryUsage().rss / 1e6), handles: process.getActiveResourcesInfo().length }
}
let [begun, done] = [measure(), 0]
const batch = 500
for (let from = 0; from < requests; from += batch) {
  const cases = fc.sample(plans, { numRuns: Math.min(batch, requests - from), seed: Number(values.seed) + from })
  let next = 0
  const worker = async () => {
    for (let plan = cases[next++]; plan; plan = cases[next++]) {
      const [operation, id, body] = plan
      // A connection may close in the very moment in which it is used again: what fails twice has failed.
      const status = await ask(server, operation, id, body)
        .catch(() => ask(server, operation, id, body))
        .catch((error: unknown) => `no answer: ${String(error)}`)
      if (typeof status === 'number') statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // Full is an answer, not a failure.
      if (typeof status === 'string' || (status >= 500 && status !== 503)) {
        findings.push(`${operation.method} ${operation.path} (${id}) ${status}: ${body?.slice(0, 2000)}`)
      }
      done++
    }
  }
  await Promise.all(Array.from({ length: together }, worker))
  // What compiles, warms up and fills caches at its first use is no leak.
  if (from === 2 * batch) begun = measure()
  if (from % 5000 === 0) console.error(JSON.stringify({ done, ...measure(), findings: findings.length }))
}
const { admission, pool } = server.running.context
const ended = measure()
const inside = admission.inside
const running = pool.list()[0]?.statistics?.running ?? 0
console.log(
  JSON.stringify(
    { requests: done, statuses: Object.fromEntries([...statuses].sort()), begun, ended, inside, running, findings },
    undefined,
    2,
  ),
)
if (findings.length > 0 || inside > 0 || running > 0 || ended.megabytes > begun.megabytes * 1.5 + 100)
  process.exitCode = 1
await server[Symbol.asyncDispose]()
await rm(data, { recursive: true, force: true })
