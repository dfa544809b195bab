import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Models that a package may bring along, the best first. */
const names = ['r1-nano'] as const

function folderOf(name: string): string {
  const manifest = createRequire(import.meta.url).resolve('deepseek-r1/package.json')
  return join(dirname(manifest), 'models', name)
}

/** The folder of a model that ships with this package, by its name. */
export function shippedModel(name: string): string | undefined {
  const known = names.find((one) => one === name)
  if (known === undefined) return undefined
  const folder = folderOf(known)
  return existsSync(join(folder, 'config.json')) ? folder : undefined
}

/** The model that is meant where none is named. */
export function defaultModel(): string | undefined {
  return names.find((name) => shippedModel(name) !== undefined)
}
