/*
 * What a new user waits for: a fresh clone of the last commit, `npm install`, `npm start`, and the first token of a streamed
 * answer of the shipped model. Prints the seconds of each; fails above 90 in all, which npm's cache must be warm for.
 *   npm run proof:clone
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = resolve(import.meta.dirname, '../../..')
const folder = await mkdtemp(join(tmpdir(), 'r1-proof-clone-'))
const clone = join(folder, 'deepseek-r1')
const seconds: Record<string, number> = {}

/** Notes how long something took. */
async function timed<Result>(name: string, work: () => Result | Promise<Result>): Promise<Result> {
  const begun = performance.now()
  const result = await work()
  seconds[name] = Math.round((performance.now() - begun) / 100) / 10
  return result
}

function start(): { address: Promise<string>; stop(): Promise<void> } {
  const words = ['start', '--', '--json', '--port', '0', '--data', join(folder, 'data'), '--log-level', 'error']
  const server = spawn('npm', words, { cwd: clone, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((done) => server.once('exit', () => done()))
  const ready = async () => {
    let listening: string | undefined
    for await (const line of createInterface({ input: server.stdout })) {
      if (!line.startsWith('{')) continue
      const { event, address } = JSON.parse(line) as { event?: string; address?: string }
      listening ??= address
      if (event === 'ready' && listening) return listening
    }
    throw new Error('The server ended before it was ready.')
  }
  return {
    address: ready(),
    async stop() {
      server.kill('SIGTERM')
      await ended
      // What nobody read of its output would keep this process waiting.
      server.stdout.destroy()
    },
  }
}

/** The first text of a streamed answer. */
async function firstToken(address: string): Promise<string> {
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'r1-nano', stream: true, messages: [{ role: 'user', content: 'What is 17 + 25?' }] }),
  })
  const decoder = new TextDecoder()
  let read = ''
  for await (const part of response.body ?? []) {
    read += decoder.decode(part, { stream: true })
    const text = read.match(/"(?:reasoning_)?content":"([^"]+)"/)?.[1]
    if (text) return text
  }
  throw new Error(`There was no token: ${response.status} ${read}`)
}

try {
  await timed('clone', () => execFileSync('git', ['clone', '--quiet', root, clone]))
  await timed('npm install', () => execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: clone }))
  const { server, address } = await timed('npm start to ready', async () => {
    const begun = start()
    return { server: begun, address: await begun.address }
  })
  await timed('first token', () => firstToken(address))
  await server.stop()
} finally {
  await rm(folder, { recursive: true, force: true })
}
const all = Object.values(seconds).reduce((sum, value) => sum + value, 0)
console.log(JSON.stringify({ seconds, all: Math.round(all * 10) / 10 }, undefined, 2))
if (all > 90) process.exitCode = 1
