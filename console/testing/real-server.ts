import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RealServer {
  readonly address: string
  end(): Promise<void>
}

/** `r1 serve` in a process of its own, with the model that ships and an empty data folder. */
export async function startRealServer(): Promise<RealServer> {
  const data = await mkdtemp(join(tmpdir(), 'r1-console-data-'))
  const root = join(import.meta.dirname, '../..')
  const main = join(root, 'src/cli/main.ts')
  const words = ['--import', 'tsx', main, 'serve', '--port', '0', '--data', data, '--max-tokens', '64']
  const server = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = new Promise<number | null>((resolve) => server.once('exit', resolve))
  const address = await new Promise<string>((resolve, reject) => {
    let told = ''
    const listen = (text: Buffer) => {
      told += text.toString()
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(told)
      if (found) resolve(found[0])
    }
    server.stdout.on('data', listen)
    server.stderr.on('data', listen)
    void gone.then((code) => reject(new Error(`r1 serve ended with ${code}:\n${told}`)))
  })
  return {
    address,
    async end() {
      server.kill('SIGTERM')
      await gone
      await rm(data, { recursive: true, force: true })
    },
  }
}
