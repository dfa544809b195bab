import { readFile } from 'node:fs/promises'
import { R1Error } from '../../errors.ts'
import { type ServeConfig, serveKeys, serveSchema } from './schema.ts'

/** Where something was set. */
export type SettingSource = 'file' | 'environment' | 'flag' | 'default'

/** A configuration, and where each part of it comes from. */
export interface ResolvedConfig {
  readonly config: ServeConfig
  readonly sources: Readonly<Record<keyof ServeConfig, SettingSource>>
}

export interface ConfigInputs {
  /** A YAML or JSON file; `R1_SERVE_CONFIG` without it. */
  readonly file?: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** By the names of the schema. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** The environment variable of a key: `R1_SERVE_IDLE_MINUTES` of `idleMinutes`. */
export function environmentName(key: string): string {
  return `R1_SERVE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * The configuration of a server: flags go before the environment, the environment before the file.
 *
 * @throws R1Error `bad-config`, `file-not-found`
 */
export async function loadConfig({
  file,
  environment = process.env,
  flags = {},
}: ConfigInputs): Promise<ResolvedConfig> {
  const path = file ?? environment.R1_SERVE_CONFIG
  const layers: readonly [SettingSource, Readonly<Record<string, unknown>>][] = [
    ['file', path === undefined ? {} : await readConfigFile(path)],
    ['environment', fromEnvironment(environment)],
    ['flag', Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))],
  ]
  const given = Object.assign({}, ...layers.map(([, values]) => values)) as Record<string, unknown>
  const result = serveSchema.safeParse(given)
  const sourceOf = (key: string) => layers.findLast(([, values]) => Object.hasOwn(values, key))?.[0] ?? 'default'
  if (!result.success) {
    const [issue] = result.error.issues
    const key = String(issue?.path[0] ?? '')
    const where = key === '' ? '' : ` ${key} (from the ${sourceOf(key)})`
    throw new R1Error('bad-config', `The configuration of the server is wrong:${where} ${issue?.message}.`, {
      remedy: `What can be set: ${serveKeys.join(', ')}.`,
    })
  }
  const sources = Object.fromEntries(serveKeys.map((key) => [key, sourceOf(key)])) as ResolvedConfig['sources']
  return { config: result.data, sources }
}

/** The configuration for people to read, without secrets. */
export function describeConfig({ config, sources }: ResolvedConfig): Record<string, { value: unknown; from: string }> {
  const shown = (key: keyof ServeConfig) => (key === 'adminKey' && config[key] !== undefined ? '(set)' : config[key])
  return Object.fromEntries(serveKeys.map((key) => [key, { value: shown(key) ?? null, from: sources[key] }]))
}

async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `The configuration ${path} cannot be read.`, {
      remedy: 'Check the path.',
      cause,
    })
  })
  const { parse, YAMLError } = await import('yaml')
  try {
    const values: unknown = parse(text) ?? {}
    if (typeof values === 'object' && !Array.isArray(values)) return values as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof YAMLError)) throw cause
    throw new R1Error('bad-config', `The configuration ${path} is no YAML: ${cause.message.split('\n')[0]}`, { cause })
  }
  throw new R1Error('bad-config', `The configuration ${path} is no map of settings.`, {
    remedy: 'Write lines of the form `port: 8000`.',
  })
}

/** Settings from the environment: numbers and booleans as YAML reads them, lists separated by commas. */
function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const key of serveKeys) {
    const text = environment[environmentName(key)]
    if (text !== undefined && text !== '') values[key] = settingOf(key, text)
  }
  return values
}

const lists: ReadonlySet<string> = new Set(['model', 'corsOrigins', 'allowedHosts'])
const texts: ReadonlySet<string> = new Set(['host', 'data', 'runs', 'adminKey'])

/** A setting from its text. */
export function settingOf(key: string, text: string): unknown {
  if (lists.has(key)) return text.split(',').map((part) => part.trim())
  if (texts.has(key)) return text
  if (/^(true|false)$/.test(text)) return text === 'true'
  const value = Number(text)
  return text.trim() === '' || Number.isNaN(value) ? text : value
}
