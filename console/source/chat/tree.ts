import type { Message } from '../api/types.ts'

/** A conversation's messages by id, oldest first. */
export type Messages = ReadonlyMap<string, Message>

/** The messages from the first one down to a leaf. */
export function pathTo(messages: Messages, leaf: string | undefined): readonly Message[] {
  const path: Message[] = []
  const seen = new Set<string>()
  let id: string | null | undefined = leaf
  while (id) {
    const message = messages.get(id)
    if (!message || seen.has(id)) break
    seen.add(id)
    path.push(message)
    id = message.parent
  }
  return path.reverse()
}

/** The messages with the same parent and role, itself among them. */
export function siblingsOf(messages: Messages, { parent, role }: Message): readonly Message[] {
  return [...messages.values()].filter((other) => (other.parent ?? null) === (parent ?? null) && other.role === role)
}

/** The end of the newest branch below a message. */
export function leafBelow(messages: Messages, id: string): string {
  let leaf = id
  for (;;) {
    const children = [...messages.values()].filter(({ parent }) => parent === leaf)
    const newest = children.at(-1)
    if (!newest) return leaf
    leaf = newest.id
  }
}

/** The newest message, where a conversation does not say which branch was shown last. */
export function newestLeaf(messages: Messages): string | undefined {
  return [...messages.keys()].at(-1)
}
