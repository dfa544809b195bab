import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { R1Error } from '../../errors.ts'

/** Where models come from and go to, as the variables that Hugging Face's tools share say it. */
export interface HubSettings {
  /** Address of the hub, without a slash at the end. */
  readonly endpoint: string
  /** Folder of the shared cache. */
  readonly cacheFolder: string
  readonly token: string | undefined
  /** True when nothing may be asked of the network. */
  readonly offline: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

const isTrue = (value: string | undefined) => /^(1|true|yes|on)$/i.test(value ?? '')

function readEndpoint(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url && /^https?:$/.test(url.protocol)) return value.replace(/\/+$/, '')
  throw new R1Error('bad-option', `HF_ENDPOINT is no web address: ${value}.`, { remedy: 'Unset it, or correct it.' })
}

async function readToken(environment: Environment, home: string): Promise<string | undefined> {
  const given = environment.HF_TOKEN ?? environment.HUGGING_FACE_HUB_TOKEN
  if (given !== undefined || isTrue(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return given?.trim() || undefined
  const saved = await readFile(environment.HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '')
  return saved.trim() || undefined
}

/**
 * Reads HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE and XDG_CACHE_HOME.
 *
 * @throws R1Error 'bad-option' where HF_ENDPOINT is no web address
 */
export async function readHubSettings(environment: Environment = process.env): Promise<HubSettings> {
  const caches = environment.XDG_CACHE_HOME || join(homedir(), '.cache')
  const home = environment.HF_HOME || join(caches, 'huggingface')
  return {
    endpoint: readEndpoint(environment.HF_ENDPOINT || 'https://huggingface.co'),
    cacheFolder: environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(home, 'hub'),
    token: await readToken(environment, home),
    offline: isTrue(environment.HF_HUB_OFFLINE),
  }
}
