import { effect, signal } from '@preact/signals'
import { pathOf, request } from '../api/client.ts'
import { problemOf } from '../api/problem.ts'
import type { Conversation, Message } from '../api/types.ts'
import { serverGone } from '../state/session.ts'
import type { Messages } from './tree.ts'
import { unsent } from './unsent.ts'

/** Milliseconds before each look: what a reader stopped is stored only when the engine has let go of it. */
const pauses = [100, 400, 1500]

/** Answers that the server does not keep: nothing can hang on them. */
export const unkept = signal<ReadonlySet<string>>(new Set())

export function markKept(id: string, isKept: boolean): void {
  const ids = new Set(unkept.value)
  if (isKept) ids.delete(id)
  else ids.add(id)
  unkept.value = ids
}

/** Looks that go on; what follows on an answer waits for them. */
const looks = new Map<string, Promise<void>>()
/** Looks that could not be: the server was away. */
const postponed = new Map<string, () => void>()

effect(() => {
  if (serverGone.value) return
  for (const look of [...postponed.values()]) look()
})

/** Once it is known whether the server keeps an answer. */
export async function looked(id: string): Promise<void> {
  await looks.get(id)
}

/**
 * Looks whether the server keeps an answer whose end was not seen, again when a server that is away is back.
 *
 * @param onKept hears of the answer as it is kept
 */
export function lookFor(conversation: string, id: string, onKept: (message: Message) => void): void {
  postponed.delete(id)
  const look = async () => {
    const found = await keptMessage(conversation, id)
    looks.delete(id)
    if (found === 'unknown') postponed.set(id, () => lookFor(conversation, id, onKept))
    markKept(id, typeof found === 'object')
    if (typeof found === 'object') onKept(found)
  }
  looks.set(id, look())
}

async function keptMessage(conversation: string, id: string): Promise<Message | 'none' | 'unknown'> {
  for (const pause of pauses) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    try {
      const { messages } = await request<Conversation>(pathOf(['conversations', conversation]))
      const found = messages.find((message) => message.id === id)
      if (found) return found
    } catch (error) {
      return problemOf(error).status === 404 ? 'none' : 'unknown'
    }
  }
  return 'none'
}

/** The nearest of a message and those above it that the server keeps. */
export async function keptAncestor(id: string | null, among: Messages): Promise<string | null> {
  for (let at = id; at; at = among.get(at)?.parent ?? null) {
    await looked(at)
    if (!unkept.value.has(at) && !unsent.value.has(at)) return at
  }
  return null
}
