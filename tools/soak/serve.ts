/**
 * Minutes of mixed load on a server: streams, whole answers, several texts, schemas, vectors, clients that go, keys that are
 * wrong: `npm run soak:serve -- --minutes 10`. At the end memory, handles and the queue are where they began.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { lettersOnly, tinyServer } from '../../src/serve/testing/tiny-server.ts'
import { openStore } from '../../src/store/index.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, together: { type: 'string', default: '12' } },
})
const data = await mkdtemp(join(tmpdir(), 'r1-soak-'))
const store = await openStore({ data, url: null })
const server = await tinyServer({ mostRequests: 64, isolate: true }, store)
const { admission, pool } = server.running.context

const messages = (index: number) => [{ role: 'user', content: `Question ${index}: ${'why '.repeat(index % 50)}` }]
const schema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'], additionalProperties: false }
const chat = '/v1/chat/completions'
const text = async (response: Response) => {
  await response.text()
  return response.status
}

/** What clients do; each gives the status that it saw. */
const kinds: readonly ((index: number) => Promise<number>)[] = [
  async (index) => text(await server.post(chat, { messages: messages(index), max_tokens: 30, stream: true })),
  async (index) => text(await server.post(chat, { messages: messages(index), max_tokens: 30, n: 3, temperature: 1 })),
  async (index) => text(await server.post(chat, { messages: messages(index), max_tokens: 60, guided_json: schema })),
  async (index) => text(await server.post('/v1/embeddings', { input: [`text ${index}`, 'another'] })),
  async (index) => text(await server.post('/v1/completions', { prompt: `Once ${index}`, max_tokens: 20, logprobs: 5 })),
  async () => text(await server.post(chat, { messages: [], n: 99 })),
  async () => text(await server.get('/metrics')),
  async (index) => {
    const controller = new AbortController()
    const response = await fetch(server.address + chat, {
      method: 'POST',
      signal: controller.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: messages(index), max_tokens: 2000, stream: true, logit_bias: lettersOnly }),
    })
    await response.body?.getReader().read()
    controller.abort()
    return response.status
  },
]

const measure = () => {
  globalThis.gc?.()
  const handles = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) handles.set(name, (handles.get(name) ?? 0) + 1)
  return {
    megabytes: Math.round(process.memoryUsage().rss / 1e6),
    heap: Math.round(process.memoryUsage().heapUsed / 1e6),
    handles: Object.fromEntries(handles),
    inside: admission.inside,
    running: pool.list()[0]?.statistics?.running ?? 0,
  }
}

const seconds = Number(values.minutes) * 60
const statuses = new Map<number, number>()
let index = 0
async function load(until: number): Promise<void> {
  const worker = async () => {
    while (performance.now() < until) {
      const own = index++
      const status = await (kinds[own % kinds.length] as (typeof kinds)[number])(own)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: Number(values.together) }, worker))
  // Sockets that clients keep open close by themselves.
  await new Promise((resolve) => setTimeout(resolve, 7000))
}

// Caches fill and code compiles in the first part; what comes after it must not grow.
await load(performance.now() + seconds * 200)
const begun = measure()
await load(performance.now() + seconds * 800)
const ended = measure()
const failed = [...statuses].filter(([status]) => status >= 500 && status !== 503)
const report = { requests: index, statuses: Object.fromEntries([...statuses].sort()), begun, ended }
console.log(JSON.stringify(report, undefined, 2))
await server[Symbol.asyncDispose]()
await rm(data, { recursive: true, force: true })
const grew = ended.megabytes > begun.megabytes * 1.2 + 30 || ended.heap > begun.heap * 1.2 + 20
const left = ended.inside > 0 || ended.running > 0
const handles = (count: Record<string, number>) => Object.values(count).reduce((sum, value) => sum + value, 0)
if (failed.length > 0 || grew || left || handles(ended.handles) > handles(begun.handles) + 5) process.exitCode = 1
