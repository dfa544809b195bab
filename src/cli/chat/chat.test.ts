import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeepSeekR1 } from '../../generate/index.ts'
import { tinyTextModel } from '../../generate/testing/text-model.ts'
import { parseChatLine } from './commands.ts'
import { loadConversation } from './history.ts'
import { ChatSession } from './session.ts'

let model: DeepSeekR1
let folder: string
beforeAll(async () => {
  model = await DeepSeekR1.fromModel(await tinyTextModel(), { slots: 1, context: 128 })
  folder = await mkdtemp(join(tmpdir(), 'r1-chat-'))
})
afterAll(async () => {
  await model.close()
  await rm(folder, { recursive: true })
})

/** A session that keeps what it shows. */
function session(path?: string) {
  const shown = { text: '', thought: '', notes: [] as string[] }
  const screen = {
    text: (delta: string) => {
      shown.text += delta
    },
    thought: (delta: string) => {
      shown.thought += delta
    },
    note: (line: string) => shown.notes.push(line),
  }
  return { shown, chat: new ChatSession(model, screen, { maxNewTokens: 8 }, path) }
}

describe('a line of a chat', () => {
  it('is a text or a command', () => {
    expect(parseChatLine(' hello ')).toEqual({ kind: 'say', text: 'hello' })
    expect(parseChatLine('//not a command')).toEqual({ kind: 'say', text: '/not a command' })
    expect(parseChatLine('/set top-p 0.9')).toEqual({ kind: 'set', options: { topP: 0.9 } })
    expect(parseChatLine('/system be  brief')).toEqual({ kind: 'system', text: 'be  brief' })
    expect(parseChatLine('')).toEqual({ kind: 'nothing' })
    for (const line of ['/nothing', '/set colour 3', '/set top-p x', '/set constructor 1', '/save'])
      expect(() => parseChatLine(line)).toThrow()
  })
})

describe('a chat', () => {
  it('answers, keeps the conversation for its owner alone, and goes on with it', async () => {
    const path = join(folder, 'state', 'chat.json')
    const { chat, shown } = session(path)
    for (const line of ['/system be kind', 'hello', 'more', '/retry']) expect(await chat.handle(line)).toBe(true)
    expect(shown.text.split('\n').length).toBeGreaterThanOrEqual(4)
    const saved = await loadConversation(path)
    expect(saved).toMatchObject({ system: 'be kind', messages: [{ content: 'hello' }, {}, { content: 'more' }, {}] })
    expect((await stat(path)).mode & 0o077).toBe(0)

    const copy = join(folder, 'copy.json')
    const next = session()
    for (const line of [`/load ${path}`, '/undo', `/save ${copy}`]) await next.chat.handle(line)
    expect(JSON.parse(await readFile(copy, 'utf8')).messages).toHaveLength(2)
    expect(await next.chat.handle('/quit')).toBe(false)
  })

  it('says what is wrong and goes on', async () => {
    const { chat, shown } = session()
    for (const line of ['/wrong', '/load /nowhere/at/all', '/retry', 'x'.repeat(500), '/set temperature 1000', 'hello'])
      expect(await chat.handle(line)).toBe(true)
    expect(shown.notes).toHaveLength(5)
    const stopped = session()
    await stopped.chat.handle('hello', AbortSignal.abort())
    expect(stopped.shown.notes).toEqual(['(stopped)'])
  })
})
