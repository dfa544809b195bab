#!/usr/bin/env node
// Runs the C harness of native/test on every instruction-set path that the machine has.
//   node tools/native/test.mjs [--sanitize] [--compiler gcc] [--rounds 40] [--only norm]
//   node tools/native/test.mjs --emulate arm64|haswell   (built by zig, run by qemu-user; `apt-get install qemu-user-static`)
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { baseFlags, compilations, warningFlags } from './sources.mjs'
import { installZig } from './zig.mjs'

const repository = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const cache = join(repository, 'node_modules', '.cache', 'native')

const { values: options } = parseArgs({
  options: {
    sanitize: { type: 'boolean', default: false },
    compiler: { type: 'string', default: 'gcc' },
    emulate: { type: 'string' },
    rounds: { type: 'string', default: '40' },
    only: { type: 'string', default: '' },
  },
})

// A Haswell has AVX2 and no AVX-512, so its library must find its way without.
const emulators = {
  arm64: { triple: 'aarch64-linux-musl', architecture: 'arm64', command: ['qemu-aarch64-static'] },
  haswell: {
    triple: 'x86_64-linux-musl',
    architecture: 'x64',
    command: ['qemu-x86_64-static', '-cpu', 'Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm'],
  },
}

function run(command, args, environment = {}) {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (error) throw new Error(`${command} could not be started: ${error.message}`)
  return { status, stdout }
}

/** Compiles library and harness into one program inside `folder`. */
async function compile(folder) {
  const emulator = options.emulate && emulators[options.emulate]
  if (options.emulate && !emulator) throw new Error(`--emulate takes ${Object.keys(emulators).join(' or ')}`)
  const architecture = emulator?.architecture ?? (process.arch === 'arm64' ? 'arm64' : 'x64')
  const compiler = emulator ? [installZig(cache), 'cc', '-target', emulator.triple] : [options.compiler]
  const sanitizers = [
    '-O1',
    '-g',
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=all',
    '-fno-omit-frame-pointer',
  ]
  const flags = [...baseFlags, ...warningFlags, '-fno-sanitize=undefined', ...(options.sanitize ? sanitizers : [])]
  const tests = readdirSync(join(repository, 'native/test')).filter((name) => name.endsWith('.c'))
  const units = [
    ...compilations('native', architecture),
    ...tests.map((name) => ({ source: `native/test/${name}`, object: `test-${name.slice(0, -2)}`, flags: [] })),
  ]
  const objects = units.map(({ object }) => join(folder, `${object}.o`))
  const queue = [...units]
  const zigCaches = { ZIG_GLOBAL_CACHE_DIR: join(cache, 'zig-global'), ZIG_LOCAL_CACHE_DIR: join(cache, 'zig-local') }
  const worker = async () => {
    for (let unit = queue.shift(); unit; unit = queue.shift()) {
      const args = [
        ...compiler.slice(1),
        ...flags,
        ...unit.flags,
        '-c',
        unit.source,
        '-o',
        join(folder, `${unit.object}.o`),
      ]
      const child = spawn(compiler[0], args, {
        cwd: repository,
        env: { ...process.env, ...zigCaches },
        stdio: 'inherit',
      })
      const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
      if (code !== 0) throw new Error(`${unit.source} does not compile`)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, worker))
  for (const { reason } of ends) if (reason) throw reason
  const program = join(folder, 'harness')
  const link = [
    ...compiler.slice(1),
    ...(options.sanitize ? sanitizers : []),
    ...(emulator ? ['-static'] : []),
    ...objects,
    '-o',
    program,
    '-lm',
    '-lpthread',
    // The harness decides when scratch memory runs out.
    '-Wl,--wrap=scratch_take',
  ]
  if (run(compiler[0], link, zigCaches).status !== 0) throw new Error('the harness does not link')
  return [...(emulator?.command ?? []), program]
}

async function main() {
  process.chdir(repository)
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'r1-harness-'))
  try {
    const [command, ...first] = await compile(folder)
    const { available } = JSON.parse(run(command, [...first, '0']).stdout)
    let failed = 0
    for (const path of available) {
      const { status, stdout } = run(command, [...first, options.rounds, options.only], { R1_KERNEL_PATH: path })
      console.log(`${path}: ${stdout.trim().split('\n').at(-1)}`)
      if (status !== 0) failed++
    }
    console.log(`${available.length - failed} passed, ${failed} failed`)
    process.exitCode = failed ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
