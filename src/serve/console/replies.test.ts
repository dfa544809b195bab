import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { type Answer, all, ConsoleServer, eventsOf } from './testing/console-server.ts'

const server = await ConsoleServer.start()
afterAll(() => server[Symbol.asyncDispose]())

describe('/api/conversations/:id/replies', () => {
  it('writes an answer with its probabilities and stores it', async () => {
    const id = await server.begin({ system: 'S' })
    const parent = await server.say(id, 'Hello')
    const body = { id: randomUUID(), parent, probabilities: true, sampling: { maxTokens: 12, seed: 3, temperature: 1 } }
    const events = await all(await server.reply(id, body))
    const [start] = events
    expect(start).toEqual({ type: 'start', id: body.id, model: 'tiny' })
    const deltas = events.filter(({ type }) => type.endsWith('-delta'))
    const finish = events.at(-1)
    expect(finish).toMatchObject({ type: 'finish', finishReason: 'length', usage: { completionTokens: 12 } })
    expect(deltas.map(({ text }) => text).join('')).toBe(finish.message.content)
    expect(deltas[0].tokens[0]).toMatchObject({ probability: expect.any(Number), top: expect.any(Array) })
    const { answer } = await server.ask('GET', `/api/conversations/${id}`)
    expect(answer.messages[1]).toEqual(finish.message)
    expect(answer).toMatchObject({
      activeLeaf: body.id,
      messages: [{}, { parent, tokens: { text: expect.any(Array) } }],
    })
    // Asked for again, since the end was not seen: the same answer, and none besides it.
    const repeated = await all(await server.reply(id, body))
    expect(repeated.at(-1)).toEqual(finish)
    expect((await server.ask('GET', `/api/conversations/${id}`)).answer.messages).toHaveLength(2)
  })

  it('stops the engine when the client goes, and stores what was written so far', async () => {
    const id = await server.begin()
    const parent = await server.say(id, 'Go on and on')
    const controller = new AbortController()
    const body = { id: randomUUID(), parent, sampling: { maxTokens: 4000, seed: 1, temperature: 1 } }
    const response = await server.reply(id, body, controller.signal)
    let seen = 0
    try {
      for await (const event of eventsOf(response)) if (event.type === 'text-delta' && ++seen === 3) controller.abort()
    } catch {
      // The reader went.
    }
    expect(seen).toBeGreaterThanOrEqual(3)
    let message: Answer
    for (let tries = 0; tries < 100 && !message; tries++) {
      await sleep(50)
      message = (await server.ask('GET', `/api/conversations/${id}`)).answer.messages[1]
    }
    expect(message).toMatchObject({ id: body.id, finishReason: 'stopped' })
    expect(message.content.length).toBeGreaterThan(0)
    expect(message.content.length).toBeLessThan(4000)
    for (let tries = 0; tries < 100; tries++) {
      const { running } = (await server.ask('GET', '/api/system')).answer.engine
      if (running === 0) return
      await sleep(50)
    }
    expect.unreachable('the engine goes on')
  })

  it('stores an empty answer that was stopped where the client goes before the first word', async () => {
    const id = await server.begin()
    const parent = await server.say(id, 'Never mind')
    // Two texts that fill the slots: the third waits, and has said nothing when its reader leaves.
    const fill = new AbortController()
    const long = { sampling: { maxTokens: 4000, temperature: 1 } }
    const other = await server.begin()
    const question = await server.say(other, 'Go on')
    await Promise.all(
      [0, 1].map(() => server.reply(other, { id: randomUUID(), parent: question, ...long }, fill.signal)),
    )
    const controller = new AbortController()
    const body = { id: randomUUID(), parent }
    const waiting = server.reply(id, body, controller.signal).then((response) => response.text())
    await sleep(100)
    controller.abort()
    await expect(waiting).rejects.toThrow()
    fill.abort()
    let messages: Answer[] = []
    for (let tries = 0; tries < 100 && messages.length < 2; tries++) {
      await sleep(50)
      messages = (await server.ask('GET', `/api/conversations/${id}`)).answer.messages
    }
    expect(messages).toMatchObject([
      { id: parent, content: 'Never mind' },
      { id: body.id, parent, content: '', finishReason: 'stopped' },
    ])
  })

  it('writes two answers to one question beside each other, but not one of them twice', async () => {
    const id = await server.begin()
    const parent = await server.say(id, 'Which?')
    const body = { id: randomUUID(), parent, sampling: { maxTokens: 200, temperature: 1 } }
    const replies = await Promise.all([body, body, { ...body, id: randomUUID() }].map((each) => server.reply(id, each)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 409])
    expect(replies[2]?.status).toBe(200)
    await Promise.all(replies.map((response) => response.text()))
    const { answer } = await server.ask('GET', `/api/conversations/${id}`)
    expect(answer.messages.map((message: Answer) => message.parent)).toEqual([null, parent, parent])
  })

  it('says before the first event what is wrong', async () => {
    const id = await server.begin()
    const parent = await server.say(id, 'x')
    const unknown = await server.reply(id, { parent, model: 'none such' })
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([404, 'application/json'])
    expect((await server.reply(id, { parent: randomUUID() })).status).toBe(404)
    expect((await server.reply(id, { id: parent, parent })).status).toBe(409)
  })
})
