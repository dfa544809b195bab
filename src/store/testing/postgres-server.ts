import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Who the server runs as: it refuses root. */
interface Account {
  readonly uid: number
  readonly gid: number
}

/** A PostgreSQL server on a temporary folder, for tests. */
export class PostgresServer {
  readonly port: number
  private readonly binaries: string
  private readonly folder: string
  private readonly account: Account | undefined
  private databases = 0

  private constructor(binaries: string, folder: string, account: Account | undefined, port: number) {
    this.binaries = binaries
    this.folder = folder
    this.account = account
    this.port = port
  }

  /** Why no server can be started here; undefined where one can. */
  static async missing(): Promise<string | undefined> {
    if (process.platform === 'win32') return 'the helper starts PostgreSQL on Linux and macOS only'
    if ((await findBinaries()) === undefined)
      return "PostgreSQL's server is not installed (Debian's package postgresql)"
    if (process.getuid?.() === 0 && (await accountOf('nobody')) === undefined)
      return 'root has no account to give it to'
    return undefined
  }

  static async start(): Promise<PostgresServer> {
    const binaries = (await findBinaries()) ?? ''
    const account = process.getuid?.() === 0 ? await accountOf('nobody') : undefined
    const folder = await mkdtemp(join(tmpdir(), 'r1-postgres-'))
    if (account) await chown(folder, account.uid, account.gid)
    const server = new PostgresServer(binaries, folder, account, await freePort())
    await server.command('initdb', '-D', join(folder, 'data'), '-U', 'r1', '-A', 'trust', '-E', 'UTF8', '--no-sync')
    await server.resume()
    return server
  }

  /** Starts it, also after {@link halt}; returns when it takes connections. */
  async resume(): Promise<void> {
    const options = `-p ${this.port} -c listen_addresses=127.0.0.1 -k '' -c shared_buffers=16MB`
    const log = join(this.folder, 'log')
    await this.command('pg_ctl', '-D', join(this.folder, 'data'), '-w', '-l', log, '-o', options, 'start')
  }

  /** Stops it and breaks its connections, as a restart for an update does. */
  async halt(): Promise<void> {
    await this.command('pg_ctl', '-D', join(this.folder, 'data'), '-w', '-m', 'fast', 'stop')
  }

  /** Address of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `r1_${++this.databases}`
    await this.command('createdb', '-h', '127.0.0.1', '-p', String(this.port), '-U', 'r1', name)
    return `postgres://r1@127.0.0.1:${this.port}/${name}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt().catch(() => undefined)
    for (let tries = 0; tries < 20; tries++) {
      if (
        await rm(this.folder, { recursive: true, force: true }).then(
          () => true,
          () => false,
        )
      )
        return
      await sleep(100)
    }
  }

  private async command(name: string, ...options: string[]): Promise<void> {
    const child = spawn(join(this.binaries, name), options, {
      cwd: this.folder,
      // A server that kept an open pipe of ours would keep the wait below from its end.
      stdio: 'ignore',
      ...(this.account && { uid: this.account.uid, gid: this.account.gid }),
    })
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve))
    if (code !== 0) throw new Error(`${name} ended with ${code}.`)
  }
}

/** Folder of the server's programs: on the path, or where Debian keeps them. */
async function findBinaries(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql'
  const versions = (await readdir(debian).catch(() => [])).sort((one, two) => Number(two) - Number(one))
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  return folders.find((folder) => ['initdb', 'pg_ctl', 'createdb'].every((name) => existsSync(join(folder, name))))
}

async function accountOf(name: string): Promise<Account | undefined> {
  const numbers = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name]))).catch(() => undefined)
  const [uid, gid] = numbers?.map(({ stdout }) => Number(stdout)) ?? []
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
