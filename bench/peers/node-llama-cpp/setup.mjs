/** Installs llama.cpp as node-llama-cpp beside this file: `npm run peers:llama-cpp`. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const here = import.meta.dirname

/** @returns the folder it is installed in */
export function setUpLlamaCpp() {
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const version = dependencies['node-llama-cpp']
  const installed = join(here, 'node_modules/node-llama-cpp/package.json')
  if (existsSync(installed) && JSON.parse(readFileSync(installed, 'utf8')).version === version) return here
  // Its binaries are optional packages, one for each system; all others than this system's stay away.
  const system = { darwin: 'mac', win32: 'win' }[process.platform] ?? process.platform
  const binaries = `@node-llama-cpp/${system}-${process.arch}${system === 'mac' && process.arch === 'arm64' ? '-metal' : ''}@${version}`
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund']
  execFileSync('npm', ['install', ...flags, '--loglevel=error', binaries], { cwd: here, stdio: 'inherit' })
  return here
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) console.log(setUpLlamaCpp())
