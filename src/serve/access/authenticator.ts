import { createHash, timingSafeEqual } from 'node:crypto'
import { R1Error } from '../../errors.ts'
import type { ApiKey, ApiKeys } from '../../store/index.ts'
import type { Caller } from '../context.ts'

/** Milliseconds for which an answer of the store is believed. */
const believedMs = 1000
/** Secrets that are remembered at most, good and bad ones. */
const remembered = 1024

export interface AuthenticatorOptions {
  readonly adminKey?: string | undefined
  readonly requireKeys: boolean
}

/** A caller with what its key says of limits. */
export interface KnownCaller {
  readonly caller: Caller
  readonly key: ApiKey | undefined
}

/** Finds out who calls. Without any key set anybody is the one local user, and an administrator. */
export class Authenticator {
  private readonly keys: ApiKeys
  private readonly options: AuthenticatorOptions
  private readonly trusted: Buffer[] = []
  private readonly found = new Map<string, { readonly key: ApiKey | undefined; readonly until: number }>()
  private required: { readonly value: boolean; readonly until: number } | undefined

  constructor(keys: ApiKeys, options: AuthenticatorOptions) {
    this.keys = keys
    this.options = options
    if (options.adminKey !== undefined) this.trust(options.adminKey)
  }

  /** Takes whoever has this secret for an administrator, as long as the process runs. */
  trust(secret: string): void {
    this.trusted.push(digest(secret))
  }

  /** Forgets what the store said: keys have changed. */
  forget(): void {
    this.found.clear()
    this.required = undefined
  }

  /** Whether a key is asked for. */
  async isRequired(): Promise<boolean> {
    const { adminKey, requireKeys } = this.options
    if (adminKey !== undefined || requireKeys) return true
    if (this.required && this.required.until > performance.now()) return this.required.value
    const value = (await this.keys.count()) > 0
    this.required = { value, until: performance.now() + believedMs }
    return value
  }

  /**
   * @param authorization header of the request
   * @throws R1Error `no-key`, `bad-key`
   */
  async identify(authorization: string | undefined): Promise<KnownCaller> {
    const secret = secretOf(authorization)
    if (secret === undefined) {
      if (!(await this.isRequired())) return { caller: local, key: undefined }
      throw new R1Error('no-key', 'This server asks for a key.', { remedy: 'Send Authorization: Bearer <key>.' })
    }
    const given = digest(secret)
    if (this.trusted.some((known) => timingSafeEqual(known, given))) return { caller: administrator, key: undefined }
    const key = await this.find(secret, given.toString('base64'))
    if (key) return { caller: callerOf(key), key }
    // Clients send some key in any case; it means nothing where none is asked for.
    if (!(await this.isRequired())) return { caller: local, key: undefined }
    throw new R1Error('bad-key', 'This key is not known here.', { remedy: 'Check it, or ask for another one.' })
  }

  private async find(secret: string, digested: string): Promise<ApiKey | undefined> {
    const known = this.found.get(digested)
    if (known && known.until > performance.now()) return known.key
    const key = secret.length <= 512 && !secret.includes('\0') ? await this.keys.find(secret) : undefined
    this.found.delete(digested)
    const [oldest] = this.found.keys()
    if (this.found.size >= remembered && oldest !== undefined) this.found.delete(oldest)
    this.found.set(digested, { key, until: performance.now() + believedMs })
    return key
  }
}

const local: Caller = { user: 'local', key: undefined, admin: true, salt: '' }
const administrator: Caller = { user: 'admin', key: undefined, admin: true, salt: 'admin' }

function callerOf({ id, user, admin }: ApiKey): Caller {
  return { user, key: id, admin, salt: `user ${user}` }
}

function secretOf(authorization: string | undefined): string | undefined {
  const [scheme, secret] = (authorization ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && secret ? secret : undefined
}

/** Secrets are compared by their hashes, which all have one length. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
