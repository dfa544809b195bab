/**
 * Tries the package where it is installed, in the current folder: `r1 serve` gets ready, answers whole and streamed, shows
 * the console and ends by SIGTERM without a fault; an engine in a process of its own writes what one here writes; `r1 run`
 * trains and quantizes a tiny model. Needs nothing but Node.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds after which whatever waits has failed. */
const patience = 120_000

const r1 = (...words) => spawn('node_modules/.bin/r1', words, { stdio: ['ignore', 'pipe', 'inherit'] })

/** Waits until a process has ended without a fault. */
async function ended(child) {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit', { signal: AbortSignal.timeout(patience) })
  }
  assert.deepEqual({ code: child.exitCode, signal: child.signalCode }, { code: 0, signal: null })
}

/** The address that a server's own words tell. */
async function addressOf(server) {
  for await (const line of createInterface({ input: server.stdout })) {
    const { event, address } = JSON.parse(line)
    if (event === 'listening') return address
  }
  throw new Error('r1 serve ended before it listened')
}

async function untilReady(address) {
  const end = performance.now() + patience
  while ((await fetch(`${address}/ready`)).status !== 200) {
    assert.ok(performance.now() < end, 'r1 serve does not get ready')
    await sleep(50)
  }
}

async function chat(address, more) {
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: '1 + 1 = ?' }], max_tokens: 16, seed: 1, ...more }),
    signal: AbortSignal.timeout(patience),
  })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return text
}

/** What is said and thought in a message, or in the part of one. */
const wordsOf = ({ content, reasoning_content: thought }) => `${thought ?? ''}${content ?? ''}`

async function tryServing() {
  const server = r1('serve', '--json', '--port', '0', '--data', 'data', '--runs', 'runs')
  try {
    const address = await addressOf(server)
    server.stdout.resume()
    await untilReady(address)
    const whole = wordsOf(JSON.parse(await chat(address, {})).choices[0].message)
    assert.notEqual(whole, '', 'the answer has no text')
    const messages = (await chat(address, { stream: true })).match(/^data: .+$/gm).map((line) => line.slice(6))
    assert.equal(messages.pop(), '[DONE]')
    const streamed = messages.map((message) => wordsOf(JSON.parse(message).choices[0].delta)).join('')
    assert.notEqual(streamed, '', 'the streamed answer has no text')
    const page = await fetch(address)
    assert.equal(page.status, 200)
    const html = await page.text()
    const script = html.match(/src="([^"]+\.js)"/)?.[1]
    assert.ok(script, 'the console has no script')
    assert.equal((await fetch(new URL(script, address))).status, 200)
    server.kill('SIGTERM')
    await ended(server)
    console.log(`r1 serve: answered ${JSON.stringify(whole)}, whole and streamed, and ended without a fault`)
  } finally {
    server.kill('SIGKILL')
  }
}

/** The tokens that an engine writes, drawn and greedy. */
async function tokensOf(engine, prompt) {
  const stream = (sampling) => engine.generate({ prompt, sampling, maxNewTokens: 12, logProbabilities: 1 }).all()
  const texts = await Promise.all([stream({}), stream({ temperature: 0.8, topP: 0.95, seed: 1 })])
  return texts.map(({ tokens }) => tokens)
}

async function tryWorker() {
  const { Engine, EngineWorker, loadTextModel } = await import('deepseek-r1')
  const path = 'node_modules/deepseek-r1/models/r1-nano'
  const model = await loadTextModel(path)
  const prompt = model.tokenizer.encode('1 + 1 = ?')
  const options = { slots: 2, context: 128 }
  const here = await Engine.create(model, options)
  const apart = await EngineWorker.start(path, options)
  try {
    const [expected, found] = [await tokensOf(here, prompt), await tokensOf(apart, prompt)]
    assert.ok(expected.every(({ length }) => length > 0))
    assert.deepEqual(found, expected)
    console.log('EngineWorker: wrote in a process of its own what an engine here writes')
  } finally {
    await Promise.all([apart.close(), here.close()])
    model.variables.dispose()
  }
}

async function tryRecipe() {
  writeFileSync('text.txt', 'One and one is two.\n\nTwo and two is four.\n\n'.repeat(200))
  writeFileSync(
    'tiny.yaml',
    `name: tiny
seed: 1
model: { family: r1, layers: 1, positions: 128 }
stages:
  - pretrain:
      data: { files: text.txt, format: text, unit: paragraph, heldOut: 0.05 }
      tokens: 8k
      length: 64
      rate: 2e-3
  - quantize: { type: q8_0 }
`,
  )
  const run = r1('run', 'tiny.yaml')
  run.stdout.resume()
  try {
    await ended(run)
  } finally {
    run.kill('SIGKILL')
  }
  assert.ok(existsSync('runs/tiny/02-quantize'), 'the recipe left no model')
  console.log('r1 run: trained and quantized a tiny model')
}

await tryServing()
await tryWorker()
await tryRecipe()
