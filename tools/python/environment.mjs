/** Python environments of the tools: pinned packages in a folder outside version control, made once. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { standInForCuda } from './cuda-free.mjs'

/** @param {string} folder an environment @returns {string} its interpreter */
export function interpreter(folder) {
  return join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
}

/**
 * Makes the environment unless its stamp says that the same pins are there already.
 * @param {string} folder where it goes @param {string} pins a requirements file that names every package: none is added
 * @param {string} check an import statement that must work afterwards
 */
export function makeEnvironment(folder, pins, check) {
  const stamp = join(folder, 'installed.sha256')
  const recipe = [pins, join(import.meta.dirname, 'cuda-free.mjs')].map((path) => readFileSync(path))
  const hash = createHash('sha256').update(Buffer.concat(recipe)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  console.error(`installing ${pins} into ${folder} (PyTorch alone is 0.5 GB to fetch) ...`)
  rmSync(folder, { recursive: true, force: true })
  run(findPython(), ['-m', 'venv', folder])
  const python = interpreter(folder)
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--requirement', pins])
  if (process.platform === 'linux' && process.arch === 'x64') standInForCuda(torchLibraries(folder))
  run(python, ['-W', 'ignore', '-c', check])
  writeFileSync(stamp, hash)
}

function torchLibraries(folder) {
  const version = readdirSync(join(folder, 'lib')).find((name) => name.startsWith('python3'))
  return join(folder, 'lib', version, 'site-packages/torch/lib')
}

/** The pinned PyTorch and NumPy ship wheels for Python 3.11 to 3.14. */
export function findPython() {
  for (const name of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    try {
      const question = ['-c', 'import sys; print(sys.version_info.minor)']
      const version = Number(execFileSync(name, question, { encoding: 'utf8', stdio: 'pipe' }))
      if (version >= 11 && version <= 14) return name
    } catch {
      // not installed: try the next name
    }
  }
  throw new Error('Python 3.11 to 3.14 with the module venv is needed on the PATH')
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
