/** `npm start`: builds the console where there is none yet, and serves from the sources as they stand. Words go to `r1 serve`. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const hasSources = existsSync(join(root, 'console/index.html'))
if (hasSources && !existsSync(join(root, 'dist/console/index.html'))) {
  console.log('Building the console, this once ...')
  const built = spawnSync('npm', ['run', '--silent', 'build:console'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (built.status !== 0) console.error('The console could not be built; the API works without it.')
}
const words = ['--import', 'tsx', join(root, 'src/cli/main.ts'), 'serve', ...process.argv.slice(2)]
const server = spawn(process.execPath, words, { stdio: 'inherit' })
// The terminal sends Ctrl+C to both; here it is only waited for the end.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal))
server.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
