// The C compiler of the prebuilt libraries: zig cc, which brings every platform's headers and C library stubs along. PyPI's package `ziglang` carries it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Another version gives other bytes: change it together with the hashes. */
export const zigVersion = '0.17.1'

const executable = process.platform === 'win32' ? 'zig.exe' : 'zig'

/**
 * Path of the pinned zig, installed by pip into `cache` the first time.
 * @throws when Python or PyPI cannot be reached
 */
export function installZig(cache) {
  const folder = join(cache, `ziglang-${zigVersion}`)
  const zig = join(folder, 'ziglang', executable)
  if (existsSync(zig)) return zig
  mkdirSync(folder, { recursive: true })
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const install = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--root-user-action=ignore',
    '--target',
    folder,
  ]
  const { status, error } = spawnSync(python, [...install, `ziglang==${zigVersion}`], { stdio: 'inherit' })
  if (error || status !== 0 || !existsSync(zig)) {
    throw new Error(
      `ziglang ${zigVersion} could not be installed: Python 3 with pip and PyPI are needed to build the kernels`,
    )
  }
  return zig
}

/** Runs zig with its caches inside `cache`; resolves when it succeeds. */
export function runZig(zig, cache, args, cwd) {
  const env = {
    ...process.env,
    ZIG_GLOBAL_CACHE_DIR: join(cache, 'zig-global'),
    ZIG_LOCAL_CACHE_DIR: join(cache, 'zig-local'),
    SOURCE_DATE_EPOCH: '0',
  }
  return new Promise((resolve, reject) => {
    const child = spawn(zig, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`zig ${args.slice(0, 2).join(' ')} … failed with exit code ${code}`)),
    )
  })
}
