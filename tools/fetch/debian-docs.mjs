/**
 * `npm run fetch:debian-docs`: Debian's English documentation as plain text, one page a line, in
 * `.cache/debian-docs/documents.jsonl` with `text`, `package` and `path`. Needs apt, which checks what it downloads against
 * Debian's signatures; the versions are written beside it.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { convert } from 'html-to-text'

/** Packages, the folder of each that holds pages, and where on a page the text is. */
const packages = {
  'python3.11-doc': { root: 'usr/share/doc/python3.11/html', main: 'div.body' },
  'postgresql-doc-15': { root: 'usr/share/doc/postgresql-doc-15/html', main: 'body' },
  'git-doc': { root: 'usr/share/doc/git-doc', main: 'body' },
  'sqlite3-doc': { root: 'usr/share/doc/sqlite3', main: 'body' },
}
/** Indexes and lists of links. */
const leftOut =
  /(^|\/)(genindex[^/]*|search|py-modindex|contents|bookindex|keyword_index|doclist|toc_db|doc_[a-z]+_crossref|requirements|sitemap)\.html$/
const folder = join(import.meta.dirname, '../../.cache/debian-docs')
const target = join(folder, 'documents.jsonl')

/** Of a page's main part the text: links as their text, lines as long as they are, without pictures and navigation. */
const reading = (main) => ({
  wordwrap: false,
  baseElements: { selectors: [main] },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    ...['a.headerlink', 'img', 'div.navheader', 'div.navfooter', 'div.toc', 'div#toc', 'div.nosearch'].map(skipped),
    { selector: 'table', format: 'dataTable' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
})
const skipped = (selector) => ({ selector, format: 'skip' })

if (!existsSync(target)) await fetchAll()
const hash = createHash('sha256').update(readFileSync(target)).digest('hex')
console.log(`${target}: sha256 ${hash}`)

async function fetchAll() {
  const unpacked = join(folder, 'unpacked')
  rmSync(unpacked, { recursive: true, force: true })
  mkdirSync(unpacked, { recursive: true })
  execFileSync('apt-get', ['download', '-q', ...Object.keys(packages)], {
    cwd: unpacked,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const archives = readdirSync(unpacked)
    .filter((name) => name.endsWith('.deb'))
    .sort()
  for (const name of archives) execFileSync('dpkg-deb', ['-x', name, '.'], { cwd: unpacked })

  const temporary = `${target}.tmp`
  const file = createWriteStream(temporary)
  for (const [name, { root, main }] of Object.entries(packages)) {
    const pages = join(unpacked, root)
    for (const page of pagesOf(pages)) file.write(lineOf(name, join(pages, page), page, main))
  }
  file.end()
  await finished(file)
  renameSync(temporary, target)
  writeFileSync(join(folder, 'versions.json'), `${JSON.stringify(archives, undefined, 2)}\n`)
  rmSync(unpacked, { recursive: true })
}

function pagesOf(root) {
  return readdirSync(root, { recursive: true })
    .filter((name) => name.endsWith('.html') && !leftOut.test(name))
    .sort()
}

function lineOf(name, file, page, main) {
  const text = convert(readFileSync(file, 'utf8'), reading(main))
    .replace(/\n{3,}/g, '\n\n')
    .trim()
  return text === '' ? '' : `${JSON.stringify({ text, package: name, path: page })}\n`
}
