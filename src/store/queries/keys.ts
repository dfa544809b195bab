import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { asc, count, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { keys, usage } from '../schema.ts'
import { isUuid, storableId, storableName, storableText } from '../storable.ts'
import type { ApiKey, ApiKeys } from '../types.ts'

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** When a key was last used, to the minute: what it used tells. */
const lastUsed = sql<string | null>`(select max(${usage.minute}) from ${usage} where ${usage.key} = ${keys.id}::text)`

export const keyColumns = { ...getTableColumns(keys), lastUsed }

export function keyOf(row: typeof keys.$inferSelect & { lastUsed: string | null }): ApiKey {
  const { hash: _hash, createdAt, lastUsed, ...rest } = row
  return {
    ...rest,
    createdAt: createdAt.getTime(),
    lastUsedAt: lastUsed === null ? null : new Date(lastUsed).getTime(),
  }
}

export function createKeys(database: Database): ApiKeys {
  return {
    create: ({ user, name = '', admin = false, requestsPerMinute = null, tokensPerMinute = null }) =>
      database.run('keys.create', async (queries) => {
        const secret = `r1-${randomBytes(32).toString('base64url')}`
        const row = {
          id: randomUUID(),
          user: storableName(user, "The user's name"),
          name: storableText(name),
          hash: hashOf(secret),
          prefix: secret.slice(0, 9),
          admin,
          requestsPerMinute,
          tokensPerMinute,
          createdAt: new Date(),
        }
        await queries.insert(keys).values(row)
        return { secret, key: keyOf({ ...row, lastUsed: null }) }
      }),

    find: (secret) =>
      database.run('keys.find', async (queries) => {
        const [row] = await queries
          .select(keyColumns)
          .from(keys)
          .where(eq(keys.hash, hashOf(secret)))
        return row && keyOf(row)
      }),

    list: () =>
      database.run('keys.list', async (queries) => {
        const rows = await queries.select(keyColumns).from(keys).orderBy(asc(keys.createdAt), asc(keys.id))
        return rows.map(keyOf)
      }),

    remove: (id) =>
      database.run('keys.remove', async (queries) => {
        if (!isUuid(id)) return false
        const removed = await queries
          .delete(keys)
          .where(eq(keys.id, storableId(id)))
          .returning({ id: keys.id })
        return removed.length > 0
      }),

    count: () =>
      database.run('keys.count', async (queries) => {
        const [row] = await queries.select({ keys: count() }).from(keys)
        return row?.keys ?? 0
      }),
  }
}
