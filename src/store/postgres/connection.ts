import postgres from 'postgres'
import { R1Error } from '../../errors.ts'
import type { SqlConnection, SqlRow, SqlRunner, SqlValue } from '../connection.ts'
import { withDeadline } from '../deadline.ts'
import { type DriverFailure, databaseFailure, unavailable } from '../failure.ts'

/** Times and JSON go through as text: both drivers then give the same. */
const asText = { serialize: (value: string) => value, parse: (value: string) => value }

export interface PostgresOptions {
  readonly milliseconds: number
  readonly connections: number
}

/** A PostgreSQL server. Connections that break are made again by the next statement. */
export class PostgresConnection implements SqlConnection {
  readonly kind = 'postgres'
  private readonly milliseconds: number
  private readonly sql: postgres.Sql

  /** @throws R1Error `bad-config` for an address that is none */
  constructor(url: string, { milliseconds, connections }: PostgresOptions) {
    this.milliseconds = milliseconds
    try {
      this.sql = postgres(url, {
        max: connections,
        connect_timeout: 5,
        idle_timeout: 60,
        // After a restart of the server the next request shall not wait: it is the caller who waits between tries.
        backoff: () => 0.05,
        fetch_types: false,
        onnotice: () => undefined,
        connection: {
          application_name: 'deepseek-r1',
          statement_timeout: milliseconds,
          idle_in_transaction_session_timeout: milliseconds,
        },
        types: {
          json: { to: 114, from: [114, 3802], ...asText },
          date: { to: 1184, from: [1082, 1114, 1184], ...asText },
        },
      }) as postgres.Sql
    } catch (cause) {
      throw new R1Error('bad-config', 'DATABASE_URL is no address of a PostgreSQL database.', {
        remedy: 'Write it as postgres://user:password@host:5432/database.',
        cause: new Error(cause instanceof Error ? cause.name : 'bad address'),
      })
    }
  }

  query(statement: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.guarded(() => run(this.sql, statement, values))
  }

  transaction<Result>(work: (runner: SqlRunner) => Promise<Result>): Promise<Result> {
    return this.guarded(async () => {
      const done = await this.sql.begin(async (sql) => ({
        result: await work({ query: (statement, values = []) => failing(() => run(sql, statement, values)) }),
      }))
      return done.result
    })
  }

  async close(): Promise<void> {
    await this.sql.end({ timeout: this.milliseconds / 1000 })
  }

  /** The server ends a statement in time; the deadline is for one that does not answer at all. */
  private guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    return withDeadline(failing(work), this.milliseconds + 1000, () => undefined)
  }
}

async function run(
  sql: Pick<postgres.Sql, 'unsafe'>,
  statement: string,
  values: readonly SqlValue[],
): Promise<readonly SqlRow[]> {
  return (await sql.unsafe(statement, [...values], { prepare: values.length > 0 }).values()) as readonly SqlRow[]
}

async function failing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (R1Error.isInstance(error)) throw error
    if (!(error instanceof Error)) throw unavailable(error)
    const { code, constraint_name: constraint } = error as { code?: string; constraint_name?: string }
    throw code === undefined ? error : databaseFailure({ code, constraint, message: error.message } as DriverFailure)
  }
}
