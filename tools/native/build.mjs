#!/usr/bin/env node
// Builds the native kernels: `npm run build:native [-- platform …]` writes prebuilds/<platform>/ and prebuilds/SHA256SUMS;
// with --check it builds into a temporary folder and compares hashes instead.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { baseFlags, compilations, warningFlags } from './sources.mjs'
import { installZig, runZig } from './zig.mjs'

const repository = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const cache = join(repository, 'node_modules', '.cache', 'native')
const sumsFile = join(repository, 'prebuilds', 'SHA256SUMS')

const linuxLink = ['-Wl,--build-id=none', '-Wl,--gc-sections', '-lm', '-s']
const platforms = {
  'linux-x64': { triple: 'x86_64-linux-gnu.2.17', architecture: 'x64', library: 'r1_kernels.so', link: linuxLink },
  'linux-x64-musl': { triple: 'x86_64-linux-musl', architecture: 'x64', library: 'r1_kernels.so', link: linuxLink },
  'linux-arm64': { triple: 'aarch64-linux-gnu.2.17', architecture: 'arm64', library: 'r1_kernels.so', link: linuxLink },
  'linux-arm64-musl': {
    triple: 'aarch64-linux-musl',
    architecture: 'arm64',
    library: 'r1_kernels.so',
    link: linuxLink,
  },
  'darwin-arm64': { triple: 'aarch64-macos.11.0', architecture: 'arm64', library: 'r1_kernels.dylib', link: ['-s'] },
  'darwin-x64': { triple: 'x86_64-macos.11.0', architecture: 'x64', library: 'r1_kernels.dylib', link: ['-s'] },
  'win32-x64': { triple: 'x86_64-windows-gnu', architecture: 'x64', library: 'r1_kernels.dll', link: ['-s'] },
}

/** Runs `work` on all items, as many at a time as there are processors. */
async function each(items, work) {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, worker))
  for (const { reason } of ends) if (reason) throw reason
}

/** Compiles and links one platform's library into `folder`; returns its path. */
async function build(zig, name, folder) {
  const { triple, architecture, library, link } = platforms[name]
  const objects = mkdtempSync(join(tmpdir(), `r1-${name}-`))
  // Paths relative to the repository, and no names of folders in the output: the same bytes wherever it is built.
  const common = [
    'cc',
    '-target',
    triple,
    ...baseFlags,
    '-fPIC',
    '-ffunction-sections',
    '-fno-sanitize=undefined',
    '-g0',
    '-ffile-prefix-map=./=',
  ]
  const units = compilations('native', architecture)
  try {
    await each(units, ({ source, object, flags }) =>
      runZig(
        zig,
        cache,
        [...common, ...warningFlags, ...flags, '-c', source, '-o', join(objects, `${object}.o`)],
        repository,
      ),
    )
    const files = units.map(({ object }) => `${object}.o`)
    await runZig(zig, cache, ['cc', '-target', triple, '-shared', '-o', library, ...files, ...link], objects)
    mkdirSync(folder, { recursive: true })
    // Renamed into its place: processes that have the old library mapped go on with it.
    copyFileSync(join(objects, library), join(folder, `${library}.new`))
    renameSync(join(folder, `${library}.new`), join(folder, library))
  } finally {
    rmSync(objects, { recursive: true, force: true })
  }
  return join(folder, library)
}

const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** The committed hashes: library path inside `prebuilds` → hex digest. */
function readSums() {
  if (!existsSync(sumsFile)) return new Map()
  const lines = readFileSync(sumsFile, 'utf8').split('\n').filter(Boolean)
  return new Map(lines.map((line) => line.split('  ').reverse()))
}

function writeSums(sums) {
  const lines = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, hash]) => `${hash}  ${file}\n`)
  writeFileSync(sumsFile, lines.join(''))
}

async function main(args) {
  const check = args.includes('--check')
  const named = args.filter((arg) => !arg.startsWith('--'))
  const unknown = named.filter((name) => !(name in platforms))
  if (unknown.length)
    throw new Error(`unknown platform ${unknown.join(', ')}: one of ${Object.keys(platforms).join(', ')}`)
  process.chdir(repository)
  const zig = installZig(cache)
  const sums = readSums()
  const chosen = named.length ? named : check ? ['linux-x64'] : Object.keys(platforms)
  const temporary = check ? mkdtempSync(join(tmpdir(), 'r1-check-')) : undefined
  let differing = 0
  for (const name of chosen) {
    const key = `${name}/${platforms[name].library}`
    const file = await build(zig, name, join(temporary ?? 'prebuilds', name))
    const hash = sha256(file)
    if (check) {
      const same = hash === sums.get(key) && hash === sha256(join('prebuilds', key))
      if (!same) differing++
      console.log(`${key} ${same ? 'is what its sources give' : `differs: built ${hash}, committed ${sums.get(key)}`}`)
    } else {
      sums.set(key, hash)
      console.log(`${key} ${readFileSync(file).length} bytes ${hash}`)
    }
  }
  if (temporary) rmSync(temporary, { recursive: true, force: true })
  else writeSums(sums)
  if (differing)
    throw new Error(
      'the prebuilt libraries are not what their sources give: run npm run build:native and commit the result',
    )
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
