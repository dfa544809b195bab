import type { SqlConnection } from '../connection.ts'
import { Database } from '../database.ts'
import type { Store } from '../types.ts'
import { createConversations } from './conversations.ts'
import { createKeys } from './keys.ts'
import { createMessages } from './messages.ts'
import { createRuns } from './runs.ts'
import { createUsage } from './usage.ts'
import { createUsers } from './users.ts'

/** What a store can be asked for, over an open connection. */
export function createQueries(
  connection: SqlConnection,
): Omit<Store, 'kind' | 'announce' | 'close' | typeof Symbol.asyncDispose> {
  const database = new Database(connection)
  return {
    conversations: createConversations(database),
    messages: createMessages(database),
    keys: createKeys(database),
    usage: createUsage(database),
    runs: createRuns(database),
    users: createUsers(database),
    check: () => database.run('check', async (queries) => void (await queries.execute('select 1'))),
    observe: (listener) => database.observe(listener),
  }
}
