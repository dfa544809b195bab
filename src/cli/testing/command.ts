import { execFileSync, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../../../..')
// As deep in the repository as dist/, so that the built files find package.json, node_modules and prebuilds.
const output = join(root, 'dist-test')

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** Builds the command as it ships. Types are checked elsewhere. */
export function buildCommand(): void {
  const compiler = createRequire(import.meta.url).resolve('typescript/lib/tsc.js')
  const options = ['-p', 'tsconfig.build.json', '--outDir', output, '--noCheck', '--declaration', 'false']
  execFileSync(process.execPath, [compiler, ...options], { cwd: root, stdio: 'inherit' })
}

/** Runs the built command with the given words, as a person or a program would. */
export function runCommand(words: readonly string[], environment: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(output, 'cli/main.js'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', ...environment },
  })
  return { status, stdout, stderr }
}
