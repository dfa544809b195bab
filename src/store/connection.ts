/** What a statement's places are filled with. */
export type SqlValue = string | number | boolean | null

/** A row: its columns in the order of the statement. Times and JSON come as the database writes them. */
export type SqlRow = readonly unknown[]

/** Something that carries out statements: a connection, or one transaction of it. */
export interface SqlRunner {
  /** @param statement with places `$1`, `$2`, … */
  query(statement: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>
}

/** A database. Its errors are R1Errors of {@link databaseFailure}. */
export interface SqlConnection extends SqlRunner {
  readonly kind: 'pglite' | 'postgres'
  /** All of it happens or nothing. */
  transaction<Result>(work: (runner: SqlRunner) => Promise<Result>): Promise<Result>
  /** Waits for what is under way. */
  close(): Promise<void>
}
