import { R1Error } from '../../errors.ts'
import type { ApiKey, Store, UsageEntry } from '../../store/index.ts'

/** A store in memory that keeps keys and usage: what the API needs of one. */
export function memoryStore(): Store & { readonly used: UsageEntry[] } {
  const keys = new Map<string, ApiKey>()
  const used: UsageEntry[] = []
  const absent = <Part extends object>(): Part =>
    new Proxy({} as Part, {
      get: () => async () => {
        throw new R1Error('not-supported', 'This store keeps keys and usage only.')
      },
    })
  const store: Store & { readonly used: UsageEntry[] } = {
    kind: 'pglite',
    used,
    conversations: absent(),
    messages: absent(),
    runs: absent(),
    users: absent(),
    keys: {
      async create({ user, name = '', admin = false, requestsPerMinute = null, tokensPerMinute = null }) {
        const secret = `r1-${crypto.randomUUID()}`
        const key: ApiKey = {
          id: crypto.randomUUID(),
          user,
          name,
          prefix: secret.slice(0, 6),
          admin,
          requestsPerMinute,
          tokensPerMinute,
          createdAt: 0,
          lastUsedAt: null,
        }
        keys.set(secret, key)
        return { secret, key }
      },
      find: async (secret) => keys.get(secret),
      list: async () => [...keys.values()],
      remove: async (id) => {
        const [secret] = [...keys].find(([, key]) => key.id === id) ?? []
        return secret !== undefined && keys.delete(secret)
      },
      count: async () => keys.size,
    },
    usage: { ...absent<Store['usage']>(), add: async (entry) => void used.push(entry) },
    check: async () => undefined,
    observe: () => undefined,
    announce: async () => undefined,
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  return store
}
