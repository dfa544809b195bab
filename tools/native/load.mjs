#!/usr/bin/env node
// Loads the shipped libraries of other Linux platforms and prints what each says of itself.
//   node tools/native/load.mjs   (Debian: apt-get install musl libc6-arm64-cross qemu-user-static)
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installZig, runZig } from './zig.mjs'

const repository = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const cache = join(repository, 'node_modules', '.cache', 'native')

/** How a program of a platform is started on linux-x64. */
const platforms = {
  'linux-x64': { triple: 'x86_64-linux-gnu', command: [] },
  'linux-x64-musl': { triple: 'x86_64-linux-musl', command: [] },
  'linux-arm64': { triple: 'aarch64-linux-gnu', command: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'] },
}

const folder = mkdtempSync(join(tmpdir(), 'r1-load-'))
const zig = installZig(cache)
try {
  for (const [name, { triple, command }] of Object.entries(platforms)) {
    const program = join(folder, name)
    const flags = ['-O2', '-fno-sanitize=all', '-target', triple, '-dynamic']
    await runZig(zig, cache, ['cc', ...flags, 'tools/native/load.c', '-o', program], repository)
    const [first, ...words] = [...command, program, join(repository, 'prebuilds', name, 'r1_kernels.so')]
    const { stdout, stderr, status, error } = spawnSync(first, words, { encoding: 'utf8' })
    if (error || status !== 0) {
      console.log(`${name}: does not load: ${error?.message ?? stderr.trim()}`)
      process.exitCode = 1
      continue
    }
    const { path, available, operators } = JSON.parse(stdout)
    console.log(`${name}: ${operators.length} operators, path ${path} of ${available.join(' ')}`)
  }
} finally {
  rmSync(folder, { recursive: true })
}
