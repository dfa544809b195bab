/** Plain data, as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export type JsonObject = Readonly<Record<string, Json>>

export type Role = 'system' | 'user' | 'assistant' | 'tool'

/** Times are milliseconds since 1970. Ids of conversations and messages are UUIDs that the client makes. */
export interface Conversation {
  readonly id: string
  readonly title: string
  readonly system: string | null
  readonly model: string | null
  readonly sampling: JsonObject | null
  /** The message that the conversation is shown up to. */
  readonly activeLeaf: string | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** A conversation in a list, with the beginning of the message it ends with. */
export interface ConversationSummary extends Conversation {
  readonly preview: string
}

/** One message; its parent is the one it answers. Several with the same parent are branches. */
export interface Message {
  readonly id: string
  readonly conversation: string
  readonly parent: string | null
  readonly role: Role
  readonly content: string
  readonly reasoning: string | null
  readonly model: string | null
  readonly sampling: JsonObject | null
  /** Tokens with their probabilities, where they were asked for. */
  readonly tokens: Json
  readonly usage: JsonObject | null
  readonly finishReason: string | null
  /** How long the thought took. */
  readonly reasoningMilliseconds: number | null
  readonly createdAt: number
}

export interface NewConversation {
  /** Made here without it. */
  readonly id?: string | undefined
  readonly title?: string | undefined
  readonly system?: string | null | undefined
  readonly model?: string | null | undefined
  readonly sampling?: JsonObject | null | undefined
}

export interface ConversationChange extends Omit<NewConversation, 'id'> {
  /** A message of the same conversation. */
  readonly activeLeaf?: string | null | undefined
}

export interface NewMessage {
  readonly id: string
  readonly parent: string | null
  readonly role: Role
  readonly content: string
  readonly reasoning?: string | null | undefined
  readonly model?: string | null | undefined
  readonly sampling?: JsonObject | null | undefined
  readonly tokens?: Json | undefined
  readonly usage?: JsonObject | null | undefined
  readonly finishReason?: string | null | undefined
  readonly reasoningMilliseconds?: number | null | undefined
}

export interface ConversationQuery {
  /** Text that titles or messages hold, in any case. */
  readonly query?: string | undefined
  /** Where an earlier list ended. */
  readonly cursor?: string | undefined
  /** 1 to 200; 50 without it. */
  readonly limit?: number | undefined
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Cursor of the next page, if there is one. */
  readonly next: string | null
}

/** Conversations of one user each; nobody sees those of others. */
export interface Conversations {
  /** Stores one; the same id a second time gives the one that is there. */
  create(user: string, conversation: NewConversation): Promise<Conversation>
  /** @throws R1Error `not-found` */
  get(user: string, id: string): Promise<Conversation>
  list(user: string, query?: ConversationQuery): Promise<Page<ConversationSummary>>
  /** @throws R1Error `not-found` */
  change(user: string, id: string, change: ConversationChange): Promise<Conversation>
  /**
   * Removes one with its messages.
   *
   * @returns whether there was one
   */
  remove(user: string, id: string): Promise<boolean>
}

export interface Messages {
  /**
   * Stores a message, which becomes the active leaf. The same id a second time gives the one that is there.
   *
   * @throws R1Error `not-found` without such a conversation or parent in it, `conflict` where the id has another message
   */
  add(user: string, conversation: string, message: NewMessage): Promise<Message>
  get(user: string, id: string): Promise<Message | undefined>
  /** All of a conversation, all branches, in the order in which they came. */
  list(user: string, conversation: string): Promise<readonly Message[]>
  /** From the first message to the given one. */
  path(user: string, conversation: string, leaf: string): Promise<readonly Message[]>
}

/** A key of the API, without its secret, which is never stored. */
export interface ApiKey {
  readonly id: string
  readonly user: string
  readonly name: string
  /** The first characters of the secret, to tell keys apart. */
  readonly prefix: string
  readonly admin: boolean
  /** None where null. */
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  readonly createdAt: number
  readonly lastUsedAt: number | null
}

export interface NewApiKey {
  readonly user: string
  readonly name?: string | undefined
  readonly admin?: boolean | undefined
  readonly requestsPerMinute?: number | null | undefined
  readonly tokensPerMinute?: number | null | undefined
}

export interface ApiKeys {
  /** Makes a key; the secret is shown this once. */
  create(key: NewApiKey): Promise<{ readonly secret: string; readonly key: ApiKey }>
  /** The key of a secret, if there is one. */
  find(secret: string): Promise<ApiKey | undefined>
  list(): Promise<readonly ApiKey[]>
  /** @returns whether there was one */
  remove(id: string): Promise<boolean>
  count(): Promise<number>
}

/** What one request took, or several of one user, key and model together. */
export interface UsageEntry {
  /** How many; 1 without it. */
  readonly requests?: number | undefined
  readonly user: string
  /** Id of the key, if there was one. */
  readonly key?: string | undefined
  readonly model: string
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cachedTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
}

export interface UsageTotals {
  readonly requests: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cachedTokens: number
  readonly reasoningTokens: number
}

/** The sums of one minute. */
export interface UsageRow extends UsageTotals {
  readonly user: string
  readonly key: string | null
  readonly model: string
  /** When the minute began. */
  readonly minute: number
}

export interface UsageQuery {
  readonly user?: string | undefined
  readonly key?: string | undefined
  /** Minutes that began at this time or later. */
  readonly since?: number | undefined
}

/** What was used, summed for each minute, user, key and model. */
export interface Usage {
  add(entry: UsageEntry): Promise<void>
  totals(query: UsageQuery): Promise<UsageTotals>
  list(query: UsageQuery): Promise<readonly UsageRow[]>
}

export type RunStatus = 'running' | 'finished' | 'failed' | 'stopped'

/** A run of a recipe: where its folder is and how it went. What was measured lies in the folder. */
export interface RunRecord {
  readonly folder: string
  readonly user: string
  readonly name: string
  readonly status: RunStatus
  readonly startedAt: number
  readonly updatedAt: number
  /** Such as the recipe, or why it failed. */
  readonly details: JsonObject | null
}

export interface Runs {
  /** Stores how a run stands; the folder tells which one. */
  record(run: Omit<RunRecord, 'startedAt' | 'updatedAt'>): Promise<RunRecord>
  list(): Promise<readonly RunRecord[]>
  /** @returns whether there was one */
  remove(folder: string): Promise<boolean>
}

/** Everything that is stored of one user; an export gives it in two parts. */
export interface UserData {
  readonly user: string
  readonly conversations: readonly (Conversation & { readonly messages: readonly Message[] })[]
  readonly keys: readonly ApiKey[]
  readonly usage: readonly UsageRow[]
  readonly runs: readonly RunRecord[]
}

/** How many rows were removed. */
export type RemovedRows = Readonly<Record<'conversations' | 'messages' | 'keys' | 'usage' | 'runs', number>>

export interface Users {
  /** All of one user's conversations, one after the other, so that memory does not hold all. */
  exportConversations(user: string): AsyncIterable<UserData['conversations'][number]>
  exportRest(user: string): Promise<Omit<UserData, 'conversations'>>
  /** Removes all rows of one user; `keepKeys` leaves those of keys. */
  remove(user: string, options?: { readonly keepKeys?: boolean }): Promise<RemovedRows>
}

/** One statement or transaction that was carried out, for metrics. */
export interface StoreObservation {
  /** Such as `messages.add`. */
  readonly operation: string
  readonly milliseconds: number
  /** Code of the error, if it failed. */
  readonly failure?: string
}

/**
 * Where conversations, keys, usage and runs are kept. Every method throws R1Error `store-unavailable` while the database
 * cannot be reached (try again a little later), `store-timeout`, `disk-full`, and `bad-value` for values it cannot keep.
 */
export interface Store {
  readonly kind: 'pglite' | 'postgres'
  readonly conversations: Conversations
  readonly messages: Messages
  readonly keys: ApiKeys
  readonly usage: Usage
  readonly runs: Runs
  readonly users: Users
  /** Asks the database for a sign of life. */
  check(): Promise<void>
  /** Hears of every operation from now on. */
  observe(listener: (observation: StoreObservation) => void): void
  /**
   * Tells other commands of this user where the server that owns the data folder listens.
   *
   * @returns a token that only they can read, good for everything as long as this process runs; nothing with PostgreSQL,
   *   which they reach themselves
   */
  announce(address: string): Promise<string | undefined>
  /** Finishes what is under way, closes all connections and lets go of the folder. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface StoreOptions {
  /** Folder of the user's data; `R1_DATA` or `~/.local/share/deepseek-r1` without it. */
  readonly data?: string | undefined
  /** `postgres://…`; `DATABASE_URL` without it, PGlite without either. Null is PGlite in any case. */
  readonly url?: string | null | undefined
  /** Longest time of one operation. */
  readonly timeoutMilliseconds?: number | undefined
  /** Connections to PostgreSQL at most. */
  readonly connections?: number | undefined
}
