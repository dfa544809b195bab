import { signal } from '@preact/signals'
import { pathOf, request } from '../api/client.ts'
import type { ConversationPage, ConversationSummary } from '../api/types.ts'

/** The list beside the chat: newest first, one page at a time. */
export const conversations = signal<readonly ConversationSummary[] | undefined>(undefined)
export const query = signal('')
const next = signal<string | undefined>(undefined)
export const hasMore = { get: () => next.value !== undefined }

const pageSize = 50
let asked = 0

async function page(cursor?: string): Promise<ConversationPage> {
  const text = query.value.trim()
  return request(pathOf(['conversations'], { query: text || undefined, cursor, limit: pageSize }))
}

/** Loads the first page anew; answers that a newer question overtook are dropped. */
export async function loadConversations(): Promise<void> {
  const turn = ++asked
  const found = await page().catch(() => undefined)
  if (!found || turn !== asked) return
  conversations.value = found.items
  next.value = found.next ?? undefined
}

export async function loadMoreConversations(): Promise<void> {
  const turn = ++asked
  const found = await page(next.value).catch(() => undefined)
  if (!found || turn !== asked) return
  const known = new Set(conversations.value?.map(({ id }) => id))
  conversations.value = [...(conversations.value ?? []), ...found.items.filter(({ id }) => !known.has(id))]
  next.value = found.next ?? undefined
}

let typing: ReturnType<typeof setTimeout> | undefined

export function searchConversations(text: string): void {
  query.value = text
  clearTimeout(typing)
  typing = setTimeout(() => void loadConversations(), 200)
}

/** Shows a change at once, before the server has it. */
export function updateSummary(id: string, change: Partial<ConversationSummary>): void {
  conversations.value = conversations.value?.map((item) => (item.id === id ? { ...item, ...change } : item))
}

export function dropSummary(id: string): void {
  conversations.value = conversations.value?.filter((item) => item.id !== id)
}

/** Puts a conversation at the top of the list. */
export function raiseSummary(summary: ConversationSummary): void {
  const others = (conversations.value ?? []).filter(({ id }) => id !== summary.id)
  conversations.value = [summary, ...others]
}
