/**
 * `npm run fetch:chinese-poetry`: the lyrics of the Song dynasty (MIT, 21,000 poems) from the npm package `chinese-poetry`,
 * one a line, in `.cache/chinese-poetry/poems.jsonl` with `text`. The package (85 MB) is fetched by npm and checked.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const version = '2.0.1'
const sha512 = 'KtYARvV7CWNtax0na9+Jn6PlhGgSoid7PWyDzXI4KsCEm2odZcqEQyval5koaLygZnM/EQ3lfJ//25K8p3uHNg=='
const folder = join(import.meta.dirname, '../../.cache/chinese-poetry')
const target = join(folder, 'poems.jsonl')

if (!existsSync(target)) fetchAll()
console.log(`${target}: sha256 ${createHash('sha256').update(readFileSync(target)).digest('hex')}`)

function fetchAll() {
  const unpacked = join(folder, 'unpacked')
  rmSync(unpacked, { recursive: true, force: true })
  mkdirSync(unpacked, { recursive: true })
  execFileSync('npm', ['pack', '--silent', `chinese-poetry@${version}`], {
    cwd: unpacked,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const archive = `chinese-poetry-${version}.tgz`
  const hash = createHash('sha512')
    .update(readFileSync(join(unpacked, archive)))
    .digest('base64')
  if (hash !== sha512) throw new Error(`${archive} has the SHA-512 ${hash}, not ${sha512}.`)
  const songs = 'package/dist/songci'
  execFileSync('tar', ['xzf', archive, songs], { cwd: unpacked })
  const lines = readdirSync(join(unpacked, songs))
    .filter((name) => /^ci\.song\.\d+\.json$/.test(name))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(unpacked, songs, name), 'utf8')))
    .map(({ paragraphs }) => paragraphs.join('\n').trim())
    .filter((text) => text.length >= 20)
    .map((text) => `${JSON.stringify({ text })}\n`)
  writeFileSync(`${target}.tmp`, lines.join(''))
  renameSync(`${target}.tmp`, target)
  rmSync(unpacked, { recursive: true })
}
