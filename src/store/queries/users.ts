import { and, asc, eq, gt } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { conversations, keys, messages, runs, usage } from '../schema.ts'
import type { UserData, Users } from '../types.ts'
import { conversationOf } from './conversations.ts'
import { keyColumns, keyOf } from './keys.ts'
import { messageOf } from './messages.ts'
import { runOf } from './runs.ts'
import { usageOf } from './usage.ts'

/** Conversations read at once. */
const pageSize = 50

export function createUsers(database: Database): Users {
  async function* exportConversations(user: string): AsyncGenerator<UserData['conversations'][number], void, void> {
    let last: string | undefined
    do {
      const after = last === undefined ? undefined : gt(conversations.id, last)
      const page = await database.run('users.export', (queries) =>
        queries
          .select()
          .from(conversations)
          .where(and(eq(conversations.user, user), after))
          .orderBy(asc(conversations.id))
          .limit(pageSize),
      )
      for (const row of page) {
        const found = await database.run('users.export', (queries) =>
          queries
            .select()
            .from(messages)
            .where(and(eq(messages.user, user), eq(messages.conversation, row.id)))
            .orderBy(asc(messages.sequence)),
        )
        yield { ...conversationOf(row), messages: found.map(messageOf) }
      }
      last = page.length < pageSize ? undefined : page.at(-1)?.id
    } while (last !== undefined)
  }

  return {
    exportConversations,

    exportRest: (user) =>
      database.run('users.export', async (queries) => ({
        user,
        keys: (await queries.select(keyColumns).from(keys).where(eq(keys.user, user))).map(keyOf),
        usage: (await queries.select().from(usage).where(eq(usage.user, user))).map(usageOf),
        runs: (await queries.select().from(runs).where(eq(runs.user, user))).map(runOf),
      })),

    remove: (user, { keepKeys = false } = {}) =>
      database.transaction('users.remove', async (queries) => {
        const removedMessages = await queries
          .delete(messages)
          .where(eq(messages.user, user))
          .returning({ id: messages.id })
        const removedConversations = await queries
          .delete(conversations)
          .where(eq(conversations.user, user))
          .returning({ id: conversations.id })
        const removedUsage = await queries.delete(usage).where(eq(usage.user, user)).returning({ model: usage.model })
        const removedRuns = await queries.delete(runs).where(eq(runs.user, user)).returning({ id: runs.id })
        const removedKeys = keepKeys
          ? []
          : await queries.delete(keys).where(eq(keys.user, user)).returning({ id: keys.id })
        return {
          conversations: removedConversations.length,
          messages: removedMessages.length,
          keys: removedKeys.length,
          usage: removedUsage.length,
          runs: removedRuns.length,
        }
      }),
  }
}
