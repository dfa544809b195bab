import { computed, signal } from '@preact/signals'

export type Page = 'chat' | 'runs' | 'system' | 'keys'

export interface Route {
  readonly page: Page
  /** A conversation or a run. */
  readonly id?: string
  /** Runs shown together. */
  readonly compare?: readonly string[]
}

const pages: readonly Page[] = ['chat', 'runs', 'system', 'keys']
const hash = signal(location.hash)
addEventListener('hashchange', () => {
  hash.value = location.hash
})

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Where the reader is: `#/runs/name`, in the hash so that any server of plain files can serve the console. */
export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?')
  const [first = '', id] = path.split('/').map(decoded)
  const page = pages.find((name) => name === first) ?? 'chat'
  const compare = new URLSearchParams(query).getAll('with')
  return { page, ...(id ? { id } : {}), ...(compare.length > 0 ? { compare } : {}) }
})

export function addressOf({ page, id, compare = [] }: Route): string {
  const query = compare.map((name) => `with=${encodeURIComponent(name)}`).join('&')
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`
}

/** Goes to a page; `replace` leaves no trace in the browser's history. */
export function go(to: Route, { replace = false } = {}): void {
  const address = addressOf(to)
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
  hash.value = address
}
addEventListener('popstate', () => {
  hash.value = location.hash
})
