import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const require = createRequire(import.meta.url)

/** The version of this package, as its package.json says. */
export function packageVersion(): string {
  const manifest = require('deepseek-r1/package.json') as { version: string }
  return manifest.version
}

/** Where this package lies. */
export function packageFolder(): string {
  return dirname(require.resolve('deepseek-r1/package.json'))
}
