import { R1Error } from '../../errors.ts'
import { findOwner, openStore, type StoreOwner } from '../../store/index.ts'

/** A key as it is listed. */
export interface ListedKey {
  readonly id: string
  readonly user: string
  readonly name: string
  readonly prefix: string
  readonly admin: boolean
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
}

/** What a new key is to be. */
export interface WantedKey extends Omit<ListedKey, 'id' | 'prefix'> {}

/** Keys, wherever they are kept. */
export interface KeysClient {
  create(key: WantedKey): Promise<{ readonly secret: string; readonly key: ListedKey }>
  list(): Promise<readonly ListedKey[]>
  remove(id: string): Promise<unknown>
}

/**
 * Opens the keys of a data folder: by the server that owns it where one runs, otherwise by its database.
 *
 * @throws R1Error `store-locked` where a process owns it that cannot be asked, and what opening throws
 */
export async function openKeys(data?: string): Promise<{ readonly keys: KeysClient; close(): Promise<void> }> {
  const owner = process.env.DATABASE_URL ? undefined : await findOwner(data)
  if (owner?.server) return { keys: distantKeys(owner.server), close: async () => undefined }
  const store = await openStore({ data })
  return { keys: store.keys, close: () => store.close() }
}

function distantKeys({ address, token }: NonNullable<StoreOwner['server']>): KeysClient {
  const ask = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(new URL(path, address), {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Answer & { error?: { message: string; code: string } }
    if (response.ok) return answer
    throw new R1Error(answer.error?.code.replaceAll('_', '-') ?? 'server-failed', answer.error?.message ?? 'It failed.')
  }
  return {
    async create(key) {
      const { key: secret, ...made } = await ask<ListedKey & { key: string }>('POST', '/api/keys', key)
      return { secret, key: made }
    },
    list: async () => (await ask<{ items: ListedKey[] }>('GET', '/api/keys')).items,
    remove: (id) => ask('DELETE', `/api/keys/${encodeURIComponent(id)}`),
  }
}

/**
 * The one key whose id begins so.
 *
 * @throws R1Error `not-found` where there is none or more than one
 */
export function oneOf(keys: readonly ListedKey[], beginning: string): ListedKey {
  const found = keys.filter(({ id }) => id.startsWith(beginning))
  const [only] = found
  if (only && found.length === 1) return only
  throw new R1Error(
    'not-found',
    `${found.length === 0 ? 'No key has' : 'Several keys have'} an id like ${beginning}.`,
    {
      remedy: 'See r1 keys list.',
    },
  )
}
