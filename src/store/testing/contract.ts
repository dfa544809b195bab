import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { longestText, storableText } from '../storable.ts'
import type { NewMessage, Store, UserData } from '../types.ts'

const message = (content: string, parent: string | null = null): NewMessage => ({
  id: randomUUID(),
  parent,
  role: 'user',
  content,
})

/** Everything that an export gives. */
async function exportOf(store: Store, user: string): Promise<UserData> {
  const conversations: UserData['conversations'][number][] = []
  for await (const conversation of store.users.exportConversations(user)) conversations.push(conversation)
  return { conversations, ...(await store.users.exportRest(user)) }
}

/** Texts that break what is put together carelessly. */
const hostileTexts = [
  "'; drop table conversations; --",
  '" or 1=1 --',
  '$1 $2 %s %_\\',
  "\\'; select pg_sleep(9); --",
  '\u0000',
  'before\u0000after',
  '\uD800',
  '\uDC00 alone',
  '🙂 emoji, 汉字, עברית',
  '__proto__',
  '',
]

/**
 * What every store does, whatever database is behind it.
 *
 * @param open makes a store on an empty database
 */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`store on ${name}`, () => {
    let store: Store
    beforeAll(async () => {
      store = await open()
    })
    afterAll(() => store.close())

    /** A user nobody else has, so that tests do not see each other. */
    const someUser = () => `user-${randomUUID()}`

    it('keeps a conversation with its branches, in the order in which messages came', async () => {
      const user = someUser()
      const sampling = { temperature: 0.6, stop: ['a', 'b'] }
      const conversation = await store.conversations.create(user, { title: 'Sums', model: 'r1-nano', sampling })
      const question = await store.messages.add(user, conversation.id, message('1 + 1?'))
      const answer = await store.messages.add(user, conversation.id, {
        ...message('2', question.id),
        role: 'assistant',
        reasoning: 'one and one',
        tokens: [{ text: '2', probability: 0.9 }],
        usage: { completion_tokens: 1 },
        finishReason: 'stop',
        reasoningMilliseconds: 12,
      })
      const other = await store.messages.add(user, conversation.id, message('two', question.id))
      expect(await store.messages.list(user, conversation.id)).toEqual([question, answer, other])
      expect(answer).toMatchObject({
        reasoning: 'one and one',
        reasoningMilliseconds: 12,
        tokens: [{ text: '2', probability: 0.9 }],
        usage: { completion_tokens: 1 },
      })
      expect(await store.messages.path(user, conversation.id, answer.id)).toEqual([question, answer])
      expect(await store.conversations.get(user, conversation.id)).toMatchObject({
        title: 'Sums',
        model: 'r1-nano',
        sampling,
        activeLeaf: other.id,
      })
      const chosen = await store.conversations.change(user, conversation.id, { activeLeaf: answer.id })
      expect(chosen.activeLeaf).toBe(answer.id)
    })

    it('stores a message that is sent twice once, and refuses another one under its id', async () => {
      const user = someUser()
      const { id } = await store.conversations.create(user, {})
      const sent = message('hello')
      const results = await Promise.all([1, 2, 3, 4].map(() => store.messages.add(user, id, sent)))
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
      expect(await store.messages.list(user, id)).toHaveLength(1)
      await expect(store.messages.add(user, id, { ...sent, content: 'other' })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    it('refuses parents of other conversations, and conversations that are not there', async () => {
      const user = someUser()
      const [one, two] = [await store.conversations.create(user, {}), await store.conversations.create(user, {})]
      const first = await store.messages.add(user, one.id, message('first'))
      const refused = { code: 'not-found' }
      await expect(store.messages.add(user, two.id, message('x', first.id))).rejects.toMatchObject(refused)
      await expect(store.messages.add(user, randomUUID(), message('x'))).rejects.toMatchObject(refused)
      await expect(store.messages.add(user, one.id, message('x', randomUUID()))).rejects.toMatchObject(refused)
      await expect(store.conversations.change(user, two.id, { activeLeaf: first.id })).rejects.toMatchObject(refused)
      await expect(store.conversations.get(user, 'no uuid')).rejects.toMatchObject(refused)
    })

    it('keeps users apart, also where they choose the same ids', async () => {
      const [one, two] = [someUser(), someUser()]
      const id = randomUUID()
      const sent = message('mine')
      for (const user of [one, two]) await store.conversations.create(user, { id, title: user })
      await store.messages.add(one, id, sent)
      expect(await store.messages.list(two, id)).toEqual([])
      expect(await store.messages.get(two, sent.id)).toBeUndefined()
      await store.messages.add(two, id, { ...sent, content: 'also mine' })
      expect((await store.messages.get(one, sent.id))?.content).toBe('mine')
      expect((await store.conversations.get(two, id)).title).toBe(two)
      await store.conversations.remove(two, id)
      expect(await store.messages.list(one, id)).toHaveLength(1)
    })

    it('finds texts in titles and messages, in any case and literally', async () => {
      const user = someUser()
      const { id } = await store.conversations.create(user, { title: 'Über 100%_sure' })
      await store.messages.add(user, id, message('The Answer\\is ΣΙΣΥΦΟΣ 产品退货'))
      const other = await store.conversations.create(user, { title: 'nothing' })
      const found = async (query: string) =>
        (await store.conversations.list(user, { query })).items.map((item) => item.id)
      for (const query of ['über', 'ÜBER', '100%_s', 'answer\\IS', 'σισυφοσ', '退货']) {
        expect(await found(query), query).toEqual([id])
      }
      for (const query of ['%', '_', '\\']) expect(await found(query), query).toEqual([id])
      for (const query of ['100%sure', 'a.swer', "' or ''='"]) expect(await found(query), query).toEqual([])
      expect(await found('')).toEqual([other.id, id])
    })

    it('lists page after page, the latest first, each conversation once', async () => {
      const user = someUser()
      const made: string[] = []
      for (let index = 0; index < 7; index++) made.push((await store.conversations.create(user, {})).id)
      await store.messages.add(user, made[0] ?? '', message('a'.repeat(500)))
      const seen: string[] = []
      let cursor: string | null | undefined
      do {
        const page = await store.conversations.list(user, { limit: 3, ...(cursor && { cursor }) })
        seen.push(...page.items.map((item) => item.id))
        if (cursor === undefined) expect(page.items[0]).toMatchObject({ id: made[0], preview: 'a'.repeat(160) })
        cursor = page.next
      } while (cursor)
      expect(seen[0]).toBe(made[0])
      expect([...seen].sort()).toEqual([...made].sort())
      await expect(store.conversations.list(user, { cursor: 'nonsense' })).rejects.toMatchObject({ code: 'bad-value' })
    })

    it.each(hostileTexts.map((text) => [JSON.stringify(text), text]))('keeps %s in every field', async (_, text) => {
      const user = someUser()
      const kept = storableText(text)
      const json = { [text]: [text, { deep: text }] }
      const keptJson = JSON.parse(JSON.stringify({ [kept]: [kept, { deep: kept }] }))
      const named = await store.conversations.create(user, { title: text, system: text, model: text, sampling: json })
      expect(named).toMatchObject({ title: kept, system: kept, model: kept })
      const all = {
        reasoning: text,
        model: text,
        finishReason: text,
        sampling: json,
        usage: json,
        tokens: [text, json],
      }
      const stored = await store.messages.add(user, named.id, { ...message(text), ...all })
      const [read] = await store.messages.list(user, named.id)
      expect(read).toEqual(stored)
      expect(read).toMatchObject({ content: kept, reasoning: kept, model: kept, finishReason: kept })
      expect(JSON.stringify(read?.usage)).toBe(JSON.stringify(keptJson))
      await store.conversations.list(user, { query: text, cursor: undefined })
      expect(await store.keys.find(text)).toBeUndefined()
      const { key } = await store.keys.create({ user: `${user}${text}`, name: text })
      expect((await store.keys.list()).find(({ id }) => id === key.id)).toMatchObject({ name: kept })
      await store.usage.add({ user, key: text, model: text, promptTokens: 1, completionTokens: 1 })
      expect((await store.usage.list({ user }))[0]?.model).toBe(kept)
      await store.runs.record({ folder: `${user}/${text}`, user, name: text, status: 'running', details: json })
      expect((await exportOf(store, user)).runs[0]?.name).toBe(kept)
      await store.users.remove(user)
    })

    it('keeps any text that is well-formed exactly', async () => {
      const user = someUser()
      const { id } = await store.conversations.create(user, {})
      const text = fc.string({ unit: 'binary', maxLength: 200 })
      await fc.assert(
        fc.asyncProperty(text, fc.json(), async (content, json) => {
          const sent = { ...message(content), tokens: JSON.parse(json) }
          await store.messages.add(user, id, sent)
          const read = await store.messages.get(user, sent.id)
          expect(read?.content).toBe(content.replaceAll('\0', '\uFFFD'))
          expect(read?.tokens).toEqual(JSON.parse(JSON.stringify(JSON.parse(json.replaceAll('\\u0000', '\\ufffd')))))
        }),
        { numRuns: 60 },
      )
    })

    it('keeps huge texts up to a limit, and says where it is', async () => {
      const user = someUser()
      const { id } = await store.conversations.create(user, {})
      const huge = '汉'.repeat(3_000_000)
      const { id: sent } = await store.messages.add(user, id, message(huge))
      expect((await store.messages.get(user, sent))?.content === huge).toBe(true)
      const tooLong = store.messages.add(user, id, message('x'.repeat(longestText + 1)))
      await expect(tooLong).rejects.toMatchObject({ code: 'bad-value' })
      await expect(store.conversations.create('u'.repeat(201), {})).rejects.toMatchObject({ code: 'bad-value' })
      await expect(store.conversations.create(user, { id: "1' or '1" })).rejects.toMatchObject({ code: 'bad-value' })
    })

    it('keeps keys as hashes, and finds one by its secret', async () => {
      const user = someUser()
      const before = await store.keys.count()
      const { secret, key } = await store.keys.create({ user, name: 'laptop', requestsPerMinute: 60, admin: true })
      expect(secret).toMatch(/^r1-[\w-]{43}$/)
      expect(await store.keys.find(secret)).toEqual(key)
      expect(key).toMatchObject({ user, name: 'laptop', admin: true, requestsPerMinute: 60, tokensPerMinute: null })
      expect(JSON.stringify(await exportOf(store, user))).not.toContain(secret)
      expect(await store.keys.find(`${secret}x`)).toBeUndefined()
      expect(await store.keys.count()).toBe(before + 1)
      expect(await store.keys.remove(key.id)).toBe(true)
      expect(await store.keys.remove(key.id)).toBe(false)
      expect(await store.keys.find(secret)).toBeUndefined()
    })

    it('adds up what was used, by minute, user, key and model', async () => {
      const user = someUser()
      const { key } = await store.keys.create({ user })
      const entry = { user, key: key.id, model: 'r1-nano', promptTokens: 10, completionTokens: 5 }
      await Promise.all([1, 2, 3, 4, 5].map(() => store.usage.add({ ...entry, cachedTokens: 2 })))
      await store.usage.add({ ...entry, requests: 3, model: 'other', key: undefined })
      const ofKey = { requests: 5, promptTokens: 50, completionTokens: 25, cachedTokens: 10, reasoningTokens: 0 }
      expect(await store.usage.totals({ key: key.id })).toEqual(ofKey)
      expect(await store.usage.totals({ user })).toMatchObject({ requests: 8, promptTokens: 60 })
      expect(await store.usage.totals({ user, since: Date.now() + 60_000 })).toMatchObject({ requests: 0 })
      const known = (await store.keys.list()).find(({ id }) => id === key.id)
      expect(known?.lastUsedAt).toBeGreaterThan(Date.now() - 120_000)
    })

    it('knows runs by their folders', async () => {
      const user = someUser()
      const run = { folder: `/runs/${user}`, user, name: 'countdown', details: { stage: 'sft' } }
      const begun = await store.runs.record({ ...run, status: 'running' })
      const done = await store.runs.record({ ...run, status: 'finished' })
      expect(done).toMatchObject({ ...run, status: 'finished', startedAt: begun.startedAt })
      expect((await store.runs.list()).filter(({ folder }) => folder === run.folder)).toEqual([done])
      expect(await store.runs.remove(run.folder)).toBe(true)
    })

    it('exports and removes all of one user and nothing of another', async () => {
      const users = [someUser(), someUser()]
      for (const user of users) {
        const { id } = await store.conversations.create(user, { title: user })
        const question = await store.messages.add(user, id, message('one'))
        await store.messages.add(user, id, message('two', question.id))
        const { key } = await store.keys.create({ user })
        await store.usage.add({ user, key: key.id, model: 'm', promptTokens: 1, completionTokens: 1 })
        await store.runs.record({ folder: user, user, name: 'run', status: 'running', details: null })
      }
      const [one = '', two = ''] = users
      const before = await exportOf(store, two)
      const exported = await exportOf(store, one)
      expect(exported).toMatchObject({ user: one, conversations: [{ title: one }], runs: [{ folder: one }] })
      expect(exported.conversations[0]?.messages.map(({ content }) => content)).toEqual(['one', 'two'])
      expect([exported.keys.length, exported.usage.length]).toEqual([1, 1])
      expect(await store.users.remove(one)).toEqual({ conversations: 1, messages: 2, keys: 1, usage: 1, runs: 1 })
      const nothing = { conversations: [], keys: [], usage: [], runs: [] }
      expect(await exportOf(store, one)).toEqual({ user: one, ...nothing })
      expect(await exportOf(store, two)).toEqual(before)
    })

    it('tells how each operation went', async () => {
      const heard: string[] = []
      store.observe(({ operation, milliseconds, failure }) => {
        if (milliseconds >= 0) heard.push(`${operation} ${failure ?? 'ok'}`)
      })
      await store.check()
      await store.conversations.get('nobody', randomUUID()).catch(() => undefined)
      expect(heard).toEqual(['check ok', 'conversations.get not-found'])
    })
  })
}
