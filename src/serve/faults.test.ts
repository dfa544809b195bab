import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lettersOnly, tinyModelFolder } from './testing/tiny-server.ts'

const chat = '/v1/chat/completions'
const prompt = 'a prompt that nobody else may read'
const messages = [{ role: 'user', content: prompt }]
const small = { messages, max_tokens: 2 }
const adminKey = 'r1-the-secret-of-the-administrator'
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
const json = async (response: Response) => JSON.parse(await response.text())

// A disk of its own that is gone with the process: a mount that only the process sees.
const mount = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=80m none "$0" && exec "$@"']
const hasDisk = spawnSync('unshare', [...mount, tmpdir(), 'true']).status === 0
if (!hasDisk) console.log('Skipped: a disk that is full, since this user cannot mount one.')

/** Starts `r1 serve` as a process; on a small disk where that can be. */
function startServing(data: string, words: readonly string[], size?: string): ChildProcess {
  const main = join(import.meta.dirname, '../cli/main.ts')
  const line = [process.execPath, '--import', 'tsx', main, 'serve', '--json', '--port', '0', '--data', data, ...words]
  const all = hasDisk ? ['unshare', ...mount.map((word) => word.replace('80m', size ?? '80m')), data, ...line] : line
  const env = { ...process.env, DATABASE_URL: '', R1_SERVE_ADMIN_KEY: adminKey }
  return spawn(all[0] as string, all.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env })
}

let folders: string[]
let server: ChildProcess
let address: string
let log = ''

const post = (path: string, body: unknown, headers: Record<string, string> = bearer(adminKey)) =>
  fetch(address + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

beforeAll(async () => {
  folders = [await tinyModelFolder(), await tinyModelFolder(), await mkdtemp(join(tmpdir(), 'r1-faults-'))]
  const [sound = '', broken = '', data = ''] = folders
  // Bytes of ones are no number in any type of float.
  const file = join(broken, 'model.safetensors')
  const bytes = await readFile(file)
  await writeFile(file, bytes.fill(0xff, 8 + Number(bytes.readBigUInt64LE())))
  server = startServing(data, ['--model', `sound=${sound}`, '--model', `broken=${broken}`, '--log-level', 'debug'])
  server.stderr?.on('data', (text) => {
    log += String(text)
  })
  if (!server.stdout) throw new Error('no output')
  for await (const line of createInterface({ input: server.stdout })) {
    const { event, address: where } = JSON.parse(line)
    if (event === 'listening') address = where
    if (event === 'ready') break
  }
  server.stdout.resume()
  expect(address, log).toBeDefined()
})
afterAll(async () => {
  server.kill('SIGKILL')
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

describe('a model whose logits are no numbers', () => {
  it.each([false, true])('is an error of the request, and of nothing else (streamed: %s)', async (stream) => {
    const response = await post(chat, { ...small, model: 'broken', stream })
    expect(response.status).toBe(stream ? 200 : 500)
    const text = await response.text()
    const last = stream ? text.trim().split('data: ').at(-1) : text
    expect(JSON.parse(last ?? '')).toMatchObject({ error: { type: 'server_error', code: 'bad_logits' } })
    expect((await post(chat, small)).status).toBe(200)
  })
})

it('a compressed body is refused in words, not unpacked', async () => {
  const response = await fetch(address + chat, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...bearer(adminKey) },
    body: gzipSync(JSON.stringify(small)),
  })
  expect(response.status).toBe(415)
  expect((await json(response)).error.message).toContain('content-encoding')
})

it('SIGHUP loads the models anew while a request is under way, which finishes', async () => {
  const asked = { messages, max_tokens: 1500, logit_bias: lettersOnly, seed: 1 }
  const whole = await json(await post(chat, asked))
  const response = await post(chat, { ...asked, stream: true })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader?.read())?.value ?? ''
  server.kill('SIGHUP')
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) text += part.value
  const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
  const streamed = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('')
  expect(streamed).toBe(whole.choices[0].message.content)
  expect(text).toContain('[DONE]')
  await expect.poll(() => log, { timeout: 20_000 }).toContain('models were loaded anew')
  expect((await post(chat, small)).status).toBe(200)
})

describe.skipIf(!hasDisk)('a disk that is full', () => {
  it('is an error of what would be stored; the rest goes on, and storing too once there is room', async () => {
    const conversation = { id: crypto.randomUUID() }
    const path = `/api/conversations/${conversation.id}/messages`
    // Too random to be packed into what is left of the last page.
    const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
    const store = () => post(path, { id: crypto.randomUUID(), parent: null, content: prompt + noise() })
    expect((await post('/api/conversations', conversation)).status).toBe(200)
    const filler = join(`/proc/${server.pid}/root`, folders[2] as string, 'filler')
    const handle = await open(filler, 'w')
    const fill = async (): Promise<unknown> => handle.write(Buffer.alloc(1e6)).then(fill)
    await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' })
    await handle.close()
    const refused = await store()
    expect(refused.status).toBe(507)
    expect(await json(refused)).toMatchObject({ error: { type: 'server_error', code: 'disk_full' } })
    expect((await post(chat, small)).status).toBe(200)
    await rm(filler)
    expect((await store()).status).toBe(200)
  })

  it('is told by name where the database does not even begin', async () => {
    const child = startServing(folders[2] as string, ['--model', folders[0] as string], '2m')
    let told = ''
    child.stdout?.on('data', (text) => {
      told += String(text)
    })
    const [status] = await once(child, 'close')
    expect([status, told]).toEqual([1, expect.stringContaining('disk-full')])
  })
})

it('the log of all that holds no key, no header and no prompt', async () => {
  const wrong = 'r1-the-wrong-secret'
  const { key } = await json(await post('/api/keys', { name: 'a key' }))
  expect(key).toMatch(/^r1-/)
  const path = '/api/conversations'
  for (const body of [small, { ...small, model: 'none' }, { ...small, n: 1e9 }, `{"messages":"${prompt}`]) {
    for (const headers of [bearer(adminKey), bearer(key), bearer(wrong), { authorization: wrong }]) {
      await (await post(chat, body, headers)).text()
      await (await post(`${path}?key=${key}`, body, headers)).text()
    }
  }
  await (await post('/v1/completions', { prompt, model: 'broken' }, bearer(key))).text()
  await expect.poll(() => log).toContain('/v1/completions')
  expect(log).toContain('a request failed')
  for (const secret of [adminKey, key, wrong, prompt, 'Bearer', 'authorization']) expect(log).not.toContain(secret)
})

it('SIGTERM ends the server after all that without a fault', async () => {
  server.kill('SIGTERM')
  expect(await once(server, 'exit')).toEqual([0, null])
})
