import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy'
import { R1Error } from '../errors.ts'
import type { SqlConnection, SqlRunner } from './connection.ts'
import { unwrapped } from './failure.ts'
import type { StoreObservation } from './types.ts'

/** Drizzle's way to write statements, over any driver. */
export type Queries = PgRemoteDatabase<Record<string, never>>

const queriesOf = ({ query }: SqlRunner): Queries =>
  drizzle(async (statement, values) => ({ rows: [...(await query(statement, values))] }))

/** Carries out the operations of the store, and tells listeners how each went. */
export class Database {
  private readonly connection: SqlConnection
  private readonly queries: Queries
  private readonly listeners: ((observation: StoreObservation) => void)[] = []

  constructor(connection: SqlConnection) {
    this.connection = connection
    this.queries = queriesOf({ query: (statement, values) => connection.query(statement, values) })
  }

  observe(listener: (observation: StoreObservation) => void): void {
    this.listeners.push(listener)
  }

  /** @param operation its name for metrics */
  run<Result>(operation: string, work: (queries: Queries) => Promise<Result>): Promise<Result> {
    return this.observed(operation, () => work(this.queries))
  }

  transaction<Result>(operation: string, work: (queries: Queries) => Promise<Result>): Promise<Result> {
    return this.observed(operation, () => this.connection.transaction((runner) => work(queriesOf(runner))))
  }

  private async observed<Result>(operation: string, work: () => Promise<Result>): Promise<Result> {
    const start = performance.now()
    let failure: string | undefined
    try {
      return await work()
    } catch (error) {
      const known = unwrapped(error)
      failure = R1Error.isInstance(known) ? known.code : 'unknown'
      throw known
    } finally {
      const milliseconds = performance.now() - start
      for (const listener of this.listeners) listener({ operation, milliseconds, ...(failure && { failure }) })
    }
  }
}
