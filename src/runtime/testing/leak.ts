/**
 * Prints, as JSON, by how much resident memory grows over many sessions and runs. It is a program of its own so that V8's
 * young generation, which grows by tens of megabytes on its own account, can be kept small:
 * `node --expose-gc --max-semi-space-size=1 --import tsx src/runtime/testing/leak.ts`
 */
import { NDArray } from '../array.ts'
import { koffi } from '../ort/ffi.ts'
import { createSession, createSessionSync, type Session } from '../session.ts'
import { sum } from './models.ts'

const [rows, columns] = [4096, 2]
const model = sum()

/** Lets finalisers run. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Makes the C library give free memory back, which it otherwise does now and then. */
const trim = trimmer()

function trimmer(): () => void {
  try {
    const trimHeap = koffi.load('libc.so.6').func('int malloc_trim(size_t kept)')
    return () => trimHeap(0)
  } catch {
    return () => undefined
  }
}

/** Resident memory in bytes, after what can be collected was. */
async function residentMemory(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await turn()
  }
  trim()
  return process.memoryUsage.rss()
}

/**
 * Growth of resident memory over the last two thirds of the work, as a fraction: six times the median of six parts. What
 * leaks grows in every part; what the C library keeps for later comes in one jump or two and is no leak.
 */
async function growth(times: number, work: (index: number) => unknown): Promise<number> {
  const marks = Array.from({ length: 7 }, (_, part) => Math.floor((times * (3 + part)) / 9))
  const memory: number[] = []
  for (let index = 1; index <= times; index++) {
    await work(index)
    if (index % 20 === 19) await turn()
    if (marks.includes(index)) memory.push(await residentMemory())
  }
  const parts = memory.slice(1).map((bytes, part) => bytes - (memory[part] as number))
  const sorted = parts.toSorted((one, other) => one - other)
  const median = ((sorted[2] as number) + (sorted[3] as number)) / 2
  return (6 * median) / (memory[0] as number)
}

function numbers(): NDArray {
  return NDArray.from(new Float32Array(rows * columns).fill(1), [rows, columns])
}

async function sessions(index: number): Promise<void> {
  using a = numbers()
  using session = index % 2 ? createSessionSync(model, { threads: 1 }) : await createSession(model, { threads: 2 })
  session.runSync({ a, b: a }).c?.dispose()
}

/** V8 does not see how large a session is, so it is asked now and then to look for lost ones. */
function abandonedSessions(index: number): void {
  if (index % 20 === 0) globalThis.gc?.()
  const session = createSessionSync(model, { threads: 1 })
  const a = numbers()
  session.bind({ a, b: a }).runSync()
}

async function runs(session: Session, index: number): Promise<void> {
  using a = numbers()
  const { c } = index % 2 ? session.runSync({ a, b: a }) : await session.run({ a, b: a })
  c?.dispose()
}

async function errors(session: Session): Promise<void> {
  const a = numbers()
  await createSession(model.subarray(0, 50)).catch(() => undefined)
  await session.run({ a, b: a }, undefined, { signal: AbortSignal.abort() }).catch(() => undefined)
}

using session = createSessionSync(model, { threads: 1 })
const a = numbers()
using bound = session.bind({ a, b: a }, { c: NDArray.zeros([rows, columns]) })
const { signal } = new AbortController()

// Runs first: sessions leave free memory behind that would hide what runs lose.
const result = {
  boundRuns: await growth(30_000, (index) => (index % 2 ? bound.runSync() : bound.run({ signal }))),
  runs: await growth(30_000, (index) => runs(session, index)),
  errors: await growth(1000, () => errors(session)),
  sessions: await growth(1000, sessions),
  abandonedSessions: await growth(1000, abandonedSessions),
}
console.log(JSON.stringify(result))
