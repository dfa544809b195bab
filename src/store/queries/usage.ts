import { and, asc, eq, gte, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Database } from '../database.ts'
import { usage } from '../schema.ts'
import { longestName, storableName, storableText } from '../storable.ts'
import type { Usage, UsageQuery, UsageRow } from '../types.ts'

const minuteMilliseconds = 60_000

const matching = ({ user, key, since }: UsageQuery): SQL | undefined =>
  and(
    user === undefined ? undefined : eq(usage.user, user),
    key === undefined ? undefined : eq(usage.key, key),
    since === undefined ? undefined : gte(usage.minute, new Date(since)),
  )

const sum = (column: PgColumn) => sql<number>`coalesce(sum(${column}), 0)`.mapWith(Number)

export function usageOf(row: typeof usage.$inferSelect): UsageRow {
  return { ...row, key: row.key === '' ? null : row.key, minute: row.minute.getTime() }
}

export function createUsage(database: Database): Usage {
  return {
    add: (entry) =>
      database.run('usage.add', async (queries) => {
        const { requests = 1, user, key = '', model, promptTokens, completionTokens } = entry
        const { cachedTokens = 0, reasoningTokens = 0 } = entry
        const row = {
          user: storableName(user, "The user's name"),
          key: storableText(key.slice(0, longestName)),
          model: storableText(model.slice(0, longestName)),
          minute: new Date(Math.floor(Date.now() / minuteMilliseconds) * minuteMilliseconds),
          requests,
          ...{ promptTokens, completionTokens, cachedTokens, reasoningTokens },
        }
        const added = (column: PgColumn, count: number) => sql`${column} + ${count}`
        await queries
          .insert(usage)
          .values(row)
          .onConflictDoUpdate({
            target: [usage.user, usage.key, usage.model, usage.minute],
            set: {
              requests: added(usage.requests, requests),
              promptTokens: added(usage.promptTokens, promptTokens),
              completionTokens: added(usage.completionTokens, completionTokens),
              cachedTokens: added(usage.cachedTokens, cachedTokens),
              reasoningTokens: added(usage.reasoningTokens, reasoningTokens),
            },
          })
      }),

    totals: (query) =>
      database.run('usage.totals', async (queries) => {
        const [totals] = await queries
          .select({
            requests: sum(usage.requests),
            promptTokens: sum(usage.promptTokens),
            completionTokens: sum(usage.completionTokens),
            cachedTokens: sum(usage.cachedTokens),
            reasoningTokens: sum(usage.reasoningTokens),
          })
          .from(usage)
          .where(matching(query))
        return totals ?? { requests: 0, promptTokens: 0, completionTokens: 0, cachedTokens: 0, reasoningTokens: 0 }
      }),

    list: (query) =>
      database.run('usage.list', async (queries) => {
        const rows = await queries.select().from(usage).where(matching(query)).orderBy(asc(usage.minute))
        return rows.map(usageOf)
      }),
  }
}
