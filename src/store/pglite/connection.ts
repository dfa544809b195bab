import type { SqlConnection, SqlRow, SqlRunner, SqlValue } from '../connection.ts'
import { withDeadline } from '../deadline.ts'
import { unavailable } from '../failure.ts'
import type { PgliteEngine } from './engine.ts'
import { openFolder } from './folder.ts'

/**
 * The embedded database. It has one session, so transactions take turns; if its thread dies or must be ended because a
 * statement takes too long, the next statement opens the folder again.
 */
export class PgliteConnection implements SqlConnection {
  readonly kind = 'pglite'
  private readonly folder: string
  private readonly milliseconds: number
  private engine: PgliteEngine
  private turn: Promise<unknown> = Promise.resolve()
  private closing = false

  private constructor(folder: string, milliseconds: number, engine: PgliteEngine) {
    this.folder = folder
    this.milliseconds = milliseconds
    this.engine = engine
  }

  /**
   * @param folder of the database; the caller holds its lock
   * @param milliseconds longest time of a statement
   */
  static async open(folder: string, milliseconds: number): Promise<PgliteConnection> {
    return new PgliteConnection(folder, milliseconds, await openFolder(folder))
  }

  query(statement: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.inTurn(async (engine) => this.send(engine, statement, values))
  }

  transaction<Result>(work: (runner: SqlRunner) => Promise<Result>): Promise<Result> {
    return this.inTurn(async (engine) => {
      const query: SqlRunner['query'] = (statement, values = []) => this.send(engine, statement, values)
      await query('begin')
      try {
        const result = await work({ query })
        await query('commit')
        return result
      } catch (error) {
        // Without a rollback the session would stay inside the transaction: then it has to begin anew.
        if (engine.alive) await query('rollback').catch(() => engine.stop())
        throw error
      }
    })
  }

  async close(): Promise<void> {
    if (this.closing) return
    const last = this.turn
    this.closing = true
    await last
    await this.engine.close(this.milliseconds)
  }

  private send(engine: PgliteEngine, statement: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return withDeadline(engine.query(statement, values), this.milliseconds, () => void engine.stop())
  }

  private inTurn<Result>(work: (engine: PgliteEngine) => Promise<Result>): Promise<Result> {
    if (this.closing) return Promise.reject(unavailable(new Error('The store is closed.')))
    const done = this.turn.then(async () => {
      if (!this.engine.alive) {
        await this.engine.stop()
        this.engine = await openFolder(this.folder)
      }
      return work(this.engine)
    })
    this.turn = done.catch(() => undefined)
    return done
  }
}
