import { createHash } from 'node:crypto'
import { desc, eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { runs } from '../schema.ts'
import { storableName, storableObject, storableText } from '../storable.ts'
import type { RunRecord, Runs } from '../types.ts'

const idOf = (folder: string): string => createHash('sha256').update(folder).digest('hex')

export function runOf(row: typeof runs.$inferSelect): RunRecord {
  const { id: _id, startedAt, updatedAt, ...rest } = row
  return { ...rest, startedAt: startedAt.getTime(), updatedAt: updatedAt.getTime() }
}

export function createRuns(database: Database): Runs {
  return {
    record: ({ folder, user, name, status, details }) =>
      database.run('runs.record', async (queries) => {
        const now = new Date()
        const state = { status, details: storableObject(details), updatedAt: now }
        const row = {
          id: idOf(folder),
          folder: storableText(folder),
          user: storableName(user, "The user's name"),
          name: storableText(name),
          startedAt: now,
          ...state,
        }
        const [stored] = await queries
          .insert(runs)
          .values(row)
          .onConflictDoUpdate({ target: runs.id, set: state })
          .returning()
        return runOf(stored ?? row)
      }),

    list: () =>
      database.run('runs.list', async (queries) =>
        (await queries.select().from(runs).orderBy(desc(runs.startedAt))).map(runOf),
      ),

    remove: (folder) =>
      database.run('runs.remove', async (queries) => {
        const removed = await queries
          .delete(runs)
          .where(eq(runs.id, idOf(folder)))
          .returning({ id: runs.id })
        return removed.length > 0
      }),
  }
}
