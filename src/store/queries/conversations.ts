import { randomUUID } from 'node:crypto'
import { and, desc, eq, exists, getTableColumns, like, lt, or, type SQL, sql } from 'drizzle-orm'
import { R1Error } from '../../errors.ts'
import type { Database, Queries } from '../database.ts'
import { conversations, messages } from '../schema.ts'
import {
  folded,
  holding,
  isUuid,
  storableId,
  storableName,
  storableObject,
  storableOptional,
  storableText,
} from '../storable.ts'
import type { Conversation, ConversationChange, ConversationQuery, Conversations } from '../types.ts'

type Row = typeof conversations.$inferSelect

const missing = () => new R1Error('not-found', 'No such conversation.', { remedy: 'Look at the list.' })

export function conversationOf(row: Row): Conversation {
  const { user: _user, folded: _folded, createdAt, updatedAt, ...rest } = row
  return { ...rest, createdAt: createdAt.getTime(), updatedAt: updatedAt.getTime() }
}

export const ofUser = (user: string, id: string) => and(eq(conversations.user, user), eq(conversations.id, id))

async function find(queries: Queries, user: string, id: string): Promise<Conversation> {
  const [row] = isUuid(id)
    ? await queries
        .select()
        .from(conversations)
        .where(ofUser(user, storableId(id)))
    : []
  if (!row) throw missing()
  return conversationOf(row)
}

/** Where a page ended: the time and the id of its last conversation. */
function readCursor(cursor: string): readonly [Date, string] {
  const [milliseconds, id = ''] = Buffer.from(cursor, 'base64url').toString().split(' ')
  const time = new Date(Number(milliseconds))
  if (Number.isNaN(time.getTime()) || !isUuid(id)) {
    throw new R1Error('bad-value', 'The cursor is none that a list gave.', { remedy: 'Begin without one.' })
  }
  return [time, id]
}

const writeCursor = ({ updatedAt, id }: Conversation): string => Buffer.from(`${updatedAt} ${id}`).toString('base64url')

/** Characters of a preview. */
const previewLength = 160

function conditions(queries: Queries, user: string, { query, cursor }: ConversationQuery): SQL | undefined {
  const parts: (SQL | undefined)[] = [eq(conversations.user, user)]
  if (query) {
    const pattern = holding(query)
    const inMessage = queries
      .select({ one: sql`1` })
      .from(messages)
      .where(and(eq(messages.user, user), eq(messages.conversation, conversations.id), like(messages.folded, pattern)))
    parts.push(or(like(conversations.folded, pattern), exists(inMessage)))
  }
  if (cursor !== undefined) {
    const [time, id] = readCursor(cursor)
    const sameTime = and(eq(conversations.updatedAt, time), lt(conversations.id, id))
    parts.push(or(lt(conversations.updatedAt, time), sameTime))
  }
  return and(...parts)
}

/** What a change writes; the title travels with the text that searches read. */
function changed({ title, system, model, sampling, activeLeaf }: ConversationChange) {
  return {
    ...(title !== undefined && { title: storableText(title), folded: folded(title) }),
    ...(system !== undefined && { system: storableOptional(system) }),
    ...(model !== undefined && { model: storableOptional(model) }),
    ...(sampling !== undefined && { sampling: storableObject(sampling) }),
    ...(activeLeaf !== undefined && { activeLeaf: activeLeaf === null ? null : storableId(activeLeaf) }),
    updatedAt: new Date(),
  }
}

async function checkLeaf(queries: Queries, user: string, conversation: string, leaf: string): Promise<void> {
  const found = await queries
    .select({ id: messages.id })
    .from(messages)
    .where(and(eq(messages.user, user), eq(messages.id, storableId(leaf)), eq(messages.conversation, conversation)))
  if (found.length === 0) throw new R1Error('not-found', 'The leaf is no message of this conversation.')
}

export function createConversations(database: Database): Conversations {
  return {
    create: (user, { id = randomUUID(), title = '', system, model, sampling }) =>
      database.run('conversations.create', async (queries) => {
        const now = new Date()
        const row = {
          user: storableName(user, "The user's name"),
          id: storableId(id),
          ...changed({ title, system: system ?? null, model: model ?? null, sampling: sampling ?? null }),
          title: storableText(title),
          folded: folded(title),
          createdAt: now,
          updatedAt: now,
        }
        const [stored] = await queries.insert(conversations).values(row).onConflictDoNothing().returning()
        return stored ? conversationOf(stored) : find(queries, row.user, row.id)
      }),

    get: (user, id) => database.run('conversations.get', (queries) => find(queries, user, id)),

    list: (user, query = {}) =>
      database.run('conversations.list', async (queries) => {
        const limit = Math.min(Math.max(Math.trunc(query.limit ?? 50), 1), 200)
        const preview = sql<string>`coalesce(left(${messages.content}, ${previewLength}), '')`
        const rows = await queries
          .select({ ...getTableColumns(conversations), preview })
          .from(conversations)
          .leftJoin(messages, and(eq(messages.user, conversations.user), eq(messages.id, conversations.activeLeaf)))
          .where(conditions(queries, user, query))
          .orderBy(desc(conversations.updatedAt), desc(conversations.id))
          .limit(limit + 1)
        const items = rows.slice(0, limit).map(({ preview, ...row }) => ({ ...conversationOf(row), preview }))
        const last = items.at(-1)
        return { items, next: rows.length > limit && last ? writeCursor(last) : null }
      }),

    change: (user, id, change) =>
      database.transaction('conversations.change', async (queries) => {
        const known = await find(queries, user, id)
        if (change.activeLeaf) await checkLeaf(queries, user, known.id, change.activeLeaf)
        const [row] = await queries.update(conversations).set(changed(change)).where(ofUser(user, known.id)).returning()
        if (!row) throw missing()
        return conversationOf(row)
      }),

    remove: (user, id) =>
      database.run('conversations.remove', async (queries) => {
        if (!isUuid(id)) return false
        const where = ofUser(user, storableId(id))
        return (await queries.delete(conversations).where(where).returning({ id: conversations.id })).length > 0
      }),
  }
}
