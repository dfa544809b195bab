import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

/** Whether this machine has a C compiler to make fake libraries with. */
export const hasCompiler = spawnSync('cc', ['--version']).status === 0

/** Compiles C into a shared library at `path`. */
export function compileLibrary(path: string, source: string): string {
  const file = `${path}.c`
  writeFileSync(file, source)
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, file])
  return path
}
