import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createJiti } from 'jiti'
import { z } from 'zod'
import { R1Error } from '../errors.ts'
import type { Environment } from './environment.ts'
import { environments } from './registry.ts'

export interface LoadEnvironmentOptions {
  /** Relative paths begin here; the working folder without it. */
  readonly base?: string
  /** For an environment that takes options. */
  readonly options?: unknown
}

/**
 * Loads an environment: one that comes with the package by its name, or a file of TypeScript or JavaScript by its path.
 *
 * The file's default export is the environment, or a function that makes one from options.
 *
 * @throws R1Error `unknown-environment`, `file-not-found`, `bad-environment`, `bad-option`
 *
 * @example
 * const environment = await loadEnvironment('countdown', { options: { numbers: 4 } })
 */
export async function loadEnvironment(
  nameOrPath: string,
  { base = process.cwd(), options }: LoadEnvironmentOptions = {},
): Promise<Environment> {
  const known = environments.get(nameOrPath)
  if (known) return known.create(checkOptions(known.name, known.options, options ?? {}))
  if (!/[/\\]|\.[cm]?[jt]s$/.test(nameOrPath)) {
    throw new R1Error('unknown-environment', `There is no environment '${nameOrPath}'.`, {
      remedy: `Name one of ${[...environments.keys()].join(', ')}, or give the path of a file such as ./${nameOrPath}.ts.`,
    })
  }
  return await loadFile(nameOrPath, resolve(base, nameOrPath), options)
}

function checkOptions(name: string, schema: z.ZodType, options: unknown): unknown {
  const checked = schema.safeParse(options)
  if (checked.success) return checked.data
  throw new R1Error('bad-option', `The options of ${name} are wrong: ${z.prettifyError(checked.error)}`, {
    remedy: 'docs/environments.md lists them.',
  })
}

async function loadFile(name: string, path: string, options: unknown): Promise<Environment> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) {
    throw new R1Error('file-not-found', `There is no file ${path}.`, { remedy: 'Give the path of an environment.' })
  }
  const bad = (problem: string, cause?: unknown) =>
    new R1Error('bad-environment', `${name} ${problem}.`, {
      remedy: 'It must export by default { name, examples, reward }; docs/environments.md shows one.',
      cause,
    })
  // What the file imports of this package are the modules that run here, wherever the file lies.
  const virtualModules = { 'deepseek-r1/environments': await import('./index.ts') }
  const jiti = createJiti(import.meta.url, { virtualModules, moduleCache: false, fsCache: false })
  const loaded = await jiti.import(path, { default: true }).catch((cause: unknown) => {
    throw bad(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  })
  let made = loaded
  try {
    if (typeof loaded === 'function') made = await loaded(options)
  } catch (cause) {
    throw bad(`makes no environment: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
  if (typeof loaded !== 'function' && options !== undefined) throw bad('takes no options')
  const missing = missingPart(made)
  if (missing !== undefined) throw bad(`has no ${missing}`)
  return made as Environment
}

/** What keeps a value from being an environment. */
function missingPart(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'default export that is an environment'
  const { name, examples, reward } = value as Partial<Record<keyof Environment, unknown>>
  if (typeof name !== 'string' || name === '') return "text 'name'"
  if (typeof examples !== 'function') return "function 'examples'"
  return typeof reward === 'function' ? undefined : "function 'reward'"
}
