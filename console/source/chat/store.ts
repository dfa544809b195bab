import { batch, computed, signal } from '@preact/signals'
import { pathOf, request } from '../api/client.ts'
import { type Problem, problemOf } from '../api/problem.ts'
import type { Conversation, Message, Sampling } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { tell } from '../state/notice.ts'
import { withProbabilities } from '../state/preferences.ts'
import { go, route } from '../state/route.ts'
import { session } from '../state/session.ts'
import { dropSummary, loadConversations, raiseSummary, updateSummary } from './conversations.ts'
import { newIdentifier } from './identifier.ts'
import { keptAncestor, looked, lookFor, markKept, unkept } from './kept.ts'
import { type LiveReply, startReply } from './reply.ts'
import { leafBelow, type Messages, newestLeaf, pathTo, siblingsOf } from './tree.ts'
import { forgetAllUnsent, forgetUnsent, rememberUnsent, unsent, unsentOf } from './unsent.ts'

/** What a conversation is asked with. */
export interface Settings {
  readonly model?: string
  readonly system: string
  readonly sampling: Sampling
}

const plain: Settings = { system: '', sampling: {} }

/** What new conversations begin with. */
const fresh = signal<Settings>(plain)

/** The open conversation; none on the page of a new chat. */
export const currentId = signal<string | undefined>(undefined)
export const title = signal('')
export const settings = signal<Settings>(plain)
/** A second model that answers beside the first. */
export const secondModel = signal<string | undefined>(undefined)
export const messages = signal<Messages>(new Map())
export const leaf = signal<string | undefined>(undefined)
export const opening = signal(false)
export const openError = signal<Problem | undefined>(undefined)

/** Answers being written, of all conversations. */
export const replies = signal<ReadonlyMap<string, LiveReply>>(new Map())
/** A message is on its way to the server. */
export const sending = signal(false)
/** Why a message was not sent or an answer broke off, by its id. */
export const failures = signal<ReadonlyMap<string, Problem>>(new Map())
/** Questions whose answers stand side by side. */
export const besides = signal<ReadonlySet<string>>(new Set())
/** Answers that are shown with the probabilities of their tokens. */
export const coloured = signal<ReadonlySet<string>>(new Set())
/** Thinking that the reader has unfolded or folded, by the message's id. */
export const unfolded = signal<ReadonlyMap<string, boolean>>(new Map())
/** The message that is being edited. */
export const editing = signal<string | undefined>(undefined)
/** Counts up when an answer is complete: read out by screen readers. */
export const completed = signal(0)

export const path = computed(() => pathTo(messages.value, leaf.value))
export const model = computed(() => settings.value.model ?? session.value?.defaultModel ?? '')
export const busy = computed(() => [...replies.value.values()].some((reply) => reply.conversation === currentId.value))

/** Begins to edit the last message of the reader. */
export function editLast(): void {
  editing.value = path.value.findLast(({ role }) => role === 'user')?.id
}

/** A set with a value, or without it. */
export function changed<T>(set: ReadonlySet<T>, value: T, present: boolean): ReadonlySet<T> {
  const result = new Set(set)
  if (present) result.add(value)
  else result.delete(value)
  return result
}

function put(message: Message): void {
  messages.value = new Map(messages.value).set(message.id, message)
}

function fail(id: string, problem: Problem): void {
  failures.value = new Map(failures.value).set(id, problem)
}

function forgive(id: string): void {
  const rest = new Map(failures.value)
  if (rest.delete(id)) failures.value = rest
}

/** An empty page for a new chat, with what was set on the last such page. */
export function newChat(): void {
  batch(() => {
    currentId.value = undefined
    title.value = ''
    settings.value = fresh.value
    messages.value = new Map()
    leaf.value = undefined
    openError.value = undefined
    besides.value = new Set()
    coloured.value = new Set()
    opening.value = false
    editing.value = undefined
  })
}

/** Shows a conversation of the server, with the answers that are being written in it. */
export async function openConversation(id: string): Promise<void> {
  if (currentId.value === id && !openError.value) return
  newChat()
  currentId.value = id
  opening.value = true
  try {
    const waiting = unsentOf(id)
    const found = await request<Conversation>(pathOf(['conversations', id])).catch((error: unknown) => {
      // Not there yet: its first message is still to be sent.
      if (problemOf(error).status !== 404 || waiting.length === 0) throw error
      return undefined
    })
    if (currentId.value !== id) return
    if (found) stored.add(id)
    const all = new Map(found?.messages.map((message) => [message.id, message]))
    for (const { message } of waiting) all.set(message.id, message)
    for (const reply of replies.value.values()) {
      const placeholder = placeholders.get(reply.id)
      if (reply.conversation === id && placeholder) all.set(reply.id, placeholder)
    }
    batch(() => {
      title.value = found?.title ?? waiting[0]?.title ?? ''
      settings.value = found
        ? { ...(found.model && { model: found.model }), system: found.system ?? '', sampling: found.sampling ?? {} }
        : (waiting[0]?.settings ?? plain)
      messages.value = all
      const shown = waiting.at(-1)?.message.id ?? found?.activeLeaf
      leaf.value = shown && all.has(shown) ? shown : newestLeaf(all)
      opening.value = false
    })
  } catch (error) {
    if (currentId.value !== id) return
    openError.value = problemOf(error)
    opening.value = false
  }
}

/** Empty messages of answers being written, in case their conversation is opened again meanwhile. */
const placeholders = new Map<string, Message>()

/** Changes model, system prompt or sampling; a conversation that exists keeps it. */
export function changeSettings(change: Partial<Settings>): void {
  settings.value = { ...settings.value, ...change }
  const id = currentId.value
  if (!id) {
    fresh.value = settings.value
    return
  }
  clearTimeout(saving?.timer)
  const save = () => saveSettings(id, settings.value)
  saving = { save, timer: setTimeout(() => void save(), 400) }
}
let saving: { save: () => Promise<void>; timer: ReturnType<typeof setTimeout> } | undefined

async function saveSettings(id: string, { model: chosen, system, sampling }: Settings): Promise<void> {
  saving = undefined
  const body = { system, sampling, ...(chosen ? { model: chosen } : {}) }
  const path = pathOf(['conversations', id])
  await request(path, { method: 'PATCH', body }).catch((error: unknown) => tell(texts.value.notSaved, error))
}

/** Saves now what waits to be saved: the next answer must be asked for with it. */
async function settingsSaved(): Promise<void> {
  clearTimeout(saving?.timer)
  await saving?.save()
}

/** The first words of a text. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n')[0]?.replace(/\s+/g, ' ') ?? ''
  const letters = [...line]
  return letters.length > 60 ? `${letters.slice(0, 59).join('').trimEnd()}…` : line
}

/** Sends a message at the end of what is shown, and asks for the answers. */
export async function send(content: string): Promise<void> {
  await ask(content, leaf.value ?? null)
}

/** Sends another wording of a message: a new branch beside it. */
export async function editMessage(message: Message, content: string): Promise<void> {
  await ask(content, message.parent ?? null)
}

async function ask(content: string, parent: string | null): Promise<void> {
  const message: Message = {
    id: newIdentifier(),
    parent,
    role: 'user',
    content,
    createdAt: new Date().toISOString(),
  }
  batch(() => {
    if (!currentId.value) {
      currentId.value = newIdentifier()
      title.value = titleOf(content)
      go({ page: 'chat', id: currentId.value }, { replace: route.value.id === undefined })
    }
    put(message)
    leaf.value = message.id
    rememberUnsent({ conversation: currentId.value, title: title.value, settings: settings.value, message })
  })
  await deliver(message)
}

/** Conversations the server has acknowledged or given. */
const stored = new Set<string>()

/** Makes a message durable, then asks for answers; sent again after a failure, the server stores it once. */
export async function deliver(message: Message): Promise<void> {
  const conversation = currentId.value
  if (!conversation) return
  forgive(message.id)
  sending.value = true
  const among = messages.value
  await settingsSaved()
  try {
    const parent = await keptAncestor(message.parent, among)
    if (parent !== message.parent && currentId.value === conversation) put({ ...message, parent })
    if (!stored.has(conversation)) {
      const { model: chosen, system, sampling } = settings.value
      const now = new Date().toISOString()
      await request('conversations', {
        method: 'POST',
        body: { id: conversation, title: title.value, system, sampling, ...(chosen ? { model: chosen } : {}) },
      })
      stored.add(conversation)
      raiseSummary({ id: conversation, title: title.value, createdAt: now, updatedAt: now })
    }
    await request(pathOf(['conversations', conversation, 'messages']), {
      method: 'POST',
      body: { id: message.id, parent, content: message.content },
    })
    forgetUnsent(message.id)
  } catch (error) {
    fail(message.id, problemOf(error))
    return
  } finally {
    sending.value = false
  }
  await answer(message.id)
}

/** Asks for an answer to a message, or for two where a second model is chosen. */
async function answer(question: string): Promise<void> {
  const other = secondModel.value
  if (!other) return void (await reply(question, model.value))
  besides.value = changed(besides.value, question, true)
  const first = reply(question, model.value)
  const second = reply(question, other, { follow: false })
  await Promise.all([first, second])
}

/** Answers a message another time, as a branch of its own. */
export async function regenerate(message: Message, { probabilities = withProbabilities.value } = {}): Promise<void> {
  await settingsSaved()
  await looked(message.id)
  if (unkept.value.has(message.id)) remove(message.id)
  if (message.parent) await reply(message.parent, message.model ?? model.value, { probabilities })
}

/** Repeats what failed: sends the message, or asks for its answer. */
export async function retry(message: Message): Promise<void> {
  if (message.role === 'user') await deliver(message)
  else await regenerate(message)
}

async function reply(
  parent: string,
  name: string,
  { follow = true, probabilities = withProbabilities.value } = {},
): Promise<void> {
  const conversation = currentId.value
  if (!conversation) return
  const id = newIdentifier()
  const { sampling } = settings.value
  const placeholder: Message = {
    id,
    parent,
    role: 'assistant',
    content: '',
    model: name,
    sampling,
    createdAt: new Date().toISOString(),
  }
  const started = startReply({ conversation, id, parent, model: name, sampling, probabilities })
  placeholders.set(id, placeholder)
  batch(() => {
    put(placeholder)
    if (follow) leaf.value = id
    if (probabilities) coloured.value = changed(coloured.value, id, true)
    replies.value = new Map(replies.value).set(id, started.reply)
  })
  const { message, problem } = await started.end
  placeholders.delete(id)
  batch(() => {
    const rest = new Map(replies.value)
    rest.delete(id)
    replies.value = rest
    if (currentId.value === conversation) put(message)
    if (problem) fail(id, problem)
    else completed.value++
  })
  if (problem && problem.status >= 400) markKept(id, false)
  else if (problem || message.finishReason === 'stopped') {
    lookFor(conversation, id, (kept) => {
      if (currentId.value === conversation) put(kept)
      // It came to its end; only the last words were lost on the way.
      if (kept.finishReason === 'stop') forgive(id)
    })
  }
  void loadConversations()
}

/** Takes a message off the page that is nowhere else. */
function remove(id: string): void {
  const rest = new Map(messages.value)
  rest.delete(id)
  batch(() => {
    messages.value = rest
    markKept(id, true)
    forgive(id)
  })
}

/** Stops the answers of the open conversation. */
export function stop(): void {
  for (const reply of replies.value.values()) if (reply.conversation === currentId.value) reply.stop()
}

/** Shows the branch that a message belongs to. */
export function showBranch(id: string): void {
  leaf.value = leafBelow(messages.value, id)
  const conversation = currentId.value
  if (!conversation || unkept.value.has(leaf.value) || unsent.value.has(leaf.value)) return
  void request(pathOf(['conversations', conversation]), {
    method: 'PATCH',
    body: { activeLeaf: leaf.value },
  }).catch(() => undefined)
}

/** Goes to the branch before (−1) or after (+1) a message's. */
export function stepBranch(message: Message, step: -1 | 1): void {
  const siblings = siblingsOf(messages.value, message)
  const target = siblings[siblings.findIndex(({ id }) => id === message.id) + step]
  if (target) showBranch(target.id)
}

export async function renameConversation(id: string, name: string): Promise<void> {
  updateSummary(id, { title: name })
  if (currentId.value === id) title.value = name
  await request(pathOf(['conversations', id]), { method: 'PATCH', body: { title: name } }).catch((error: unknown) => {
    tell(texts.value.notRenamed, error)
    return loadConversations()
  })
}

export async function deleteConversation(id: string): Promise<void> {
  for (const reply of replies.value.values()) if (reply.conversation === id) reply.stop()
  forgetAllUnsent(id)
  dropSummary(id)
  if (currentId.value === id) {
    newChat()
    go({ page: 'chat' }, { replace: true })
  }
  await request(pathOf(['conversations', id]), { method: 'DELETE' }).catch((error: unknown) => {
    tell(texts.value.notDeleted, error)
    return loadConversations()
  })
}
