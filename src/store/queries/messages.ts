import { and, asc, eq } from 'drizzle-orm'
import { R1Error } from '../../errors.ts'
import type { Database, Queries } from '../database.ts'
import { conversations, messages } from '../schema.ts'
import {
  folded,
  isUuid,
  storableId,
  storableJson,
  storableObject,
  storableOptional,
  storableText,
} from '../storable.ts'
import type { Message, Messages, NewMessage } from '../types.ts'
import { ofUser } from './conversations.ts'

type Row = typeof messages.$inferSelect

export function messageOf(row: Row): Message {
  const { user: _user, sequence: _sequence, folded: _folded, createdAt, ...rest } = row
  return { ...rest, createdAt: createdAt.getTime() }
}

function rowOf(user: string, conversation: string, message: NewMessage): typeof messages.$inferInsert {
  return {
    user,
    id: storableId(message.id),
    conversation: storableId(conversation),
    parent: message.parent === null ? null : storableId(message.parent),
    role: message.role,
    content: storableText(message.content),
    reasoning: storableOptional(message.reasoning),
    folded: folded(message.content),
    model: storableOptional(message.model),
    sampling: storableObject(message.sampling),
    tokens: storableJson(message.tokens),
    usage: storableObject(message.usage),
    finishReason: storableOptional(message.finishReason),
    reasoningMilliseconds: message.reasoningMilliseconds ?? null,
    createdAt: new Date(),
  }
}

async function find(queries: Queries, user: string, id: string): Promise<Message | undefined> {
  if (!isUuid(id)) return undefined
  const where = and(eq(messages.user, user), eq(messages.id, storableId(id)))
  const [row] = await queries.select().from(messages).where(where)
  return row && messageOf(row)
}

const listed = (queries: Queries, user: string, conversation: string) =>
  queries
    .select()
    .from(messages)
    .where(and(eq(messages.user, user), eq(messages.conversation, conversation)))
    .orderBy(asc(messages.sequence))

/** From the first message to a leaf; a parent always came before its children. */
function pathTo(all: readonly Message[], leaf: string): Message[] {
  const byId = new Map(all.map((message) => [message.id, message]))
  const path: Message[] = []
  for (let at = byId.get(leaf); at; at = at.parent === null ? undefined : byId.get(at.parent)) path.push(at)
  return path.reverse()
}

export function createMessages(database: Database): Messages {
  const list = (queries: Queries, user: string, conversation: string) =>
    isUuid(conversation)
      ? listed(queries, user, storableId(conversation)).then((rows) => rows.map(messageOf))
      : Promise.resolve([])
  return {
    add: (user, conversation, message) =>
      database.transaction('messages.add', async (queries) => {
        const row = rowOf(user, conversation, message)
        const [stored] = await queries.insert(messages).values(row).onConflictDoNothing().returning()
        if (!stored) return sameAsBefore(await find(queries, user, row.id), row)
        await queries
          .update(conversations)
          .set({ activeLeaf: row.id, updatedAt: row.createdAt })
          .where(ofUser(user, row.conversation))
        return messageOf(stored)
      }),

    get: (user, id) => database.run('messages.get', (queries) => find(queries, user, id)),

    list: (user, conversation) => database.run('messages.list', (queries) => list(queries, user, conversation)),

    path: (user, conversation, leaf) =>
      database.run('messages.path', async (queries) => {
        const path = pathTo(await list(queries, user, conversation), leaf.toLowerCase())
        if (path.length === 0) throw new R1Error('not-found', 'No such message in this conversation.')
        return path
      }),
  }
}

/** A message that was sent twice is stored once; another one under its id is refused. */
function sameAsBefore(known: Message | undefined, row: typeof messages.$inferInsert): Message {
  const { conversation, parent, role, content } = row
  if (
    known?.conversation === conversation &&
    known.parent === parent &&
    known.role === role &&
    known.content === content
  ) {
    return known
  }
  throw new R1Error('conflict', 'There is another message of this id.', { remedy: 'Take another id.' })
}
