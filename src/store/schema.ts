import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Json, JsonObject, Role, RunStatus } from './types.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
const count = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0)

/**
 * Ids are the clients' own, so each user has a name space: no id of one user meets one of another, and every key and
 * reference begins with the user.
 */
export const conversations = pgTable(
  'conversations',
  {
    user: text('user_id').notNull(),
    id: uuid().notNull(),
    title: text().notNull(),
    /** The title as a search reads it. */
    folded: text().notNull(),
    system: text(),
    model: text(),
    sampling: jsonb().$type<JsonObject>(),
    activeLeaf: uuid('active_leaf'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.user, table.id] }),
    index('conversations_by_time').on(table.user, table.updatedAt.desc(), table.id.desc()),
  ],
)

export const messages = pgTable(
  'messages',
  {
    user: text('user_id').notNull(),
    id: uuid().notNull(),
    conversation: uuid('conversation_id').notNull(),
    parent: uuid('parent_id'),
    /** The order in which messages came, whatever the clock says. */
    sequence: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().notNull(),
    role: text().$type<Role>().notNull(),
    content: text().notNull(),
    reasoning: text(),
    /** The content as a search reads it. */
    folded: text().notNull(),
    model: text(),
    sampling: jsonb().$type<JsonObject>(),
    tokens: jsonb().$type<Json>(),
    usage: jsonb().$type<JsonObject>(),
    finishReason: text('finish_reason'),
    reasoningMilliseconds: integer('reasoning_milliseconds'),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.user, table.id] }),
    unique('messages_in_conversation').on(table.user, table.conversation, table.id),
    foreignKey({
      name: 'messages_conversation',
      columns: [table.user, table.conversation],
      foreignColumns: [conversations.user, conversations.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'messages_parent',
      columns: [table.user, table.conversation, table.parent],
      foreignColumns: [table.user, table.conversation, table.id],
    }).onDelete('cascade'),
    index('messages_by_parent').on(table.user, table.conversation, table.parent),
  ],
)

export const keys = pgTable(
  'keys',
  {
    id: uuid().primaryKey(),
    user: text('user_id').notNull(),
    name: text().notNull(),
    /** SHA-256 of the secret, which holds 256 random bits: no salt makes it harder to guess. */
    hash: text().notNull().unique('keys_hash'),
    prefix: text().notNull(),
    admin: boolean().notNull().default(false),
    requestsPerMinute: integer('requests_per_minute'),
    tokensPerMinute: bigint('tokens_per_minute', { mode: 'number' }),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [index('keys_by_user').on(table.user)],
)

export const usage = pgTable(
  'usage',
  {
    user: text('user_id').notNull(),
    /** Id of a key, which may be gone by now; empty without one. */
    key: text('key_id').notNull().default(''),
    model: text().notNull(),
    minute: timestamp({ withTimezone: true, precision: 0 }).notNull(),
    requests: count('requests'),
    promptTokens: count('prompt_tokens'),
    completionTokens: count('completion_tokens'),
    cachedTokens: count('cached_tokens'),
    reasoningTokens: count('reasoning_tokens'),
  },
  (table) => [
    primaryKey({ columns: [table.user, table.key, table.model, table.minute] }),
    index('usage_by_key').on(table.key, table.minute).where(sql`${table.key} <> ''`),
  ],
)

export const runs = pgTable(
  'runs',
  {
    /** SHA-256 of the folder's path, which may be longer than a key may be. */
    id: text().primaryKey(),
    folder: text().notNull(),
    user: text('user_id').notNull(),
    name: text().notNull(),
    status: text().$type<RunStatus>().notNull(),
    details: jsonb().$type<JsonObject>(),
    startedAt: moment('started_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (table) => [index('runs_by_user').on(table.user)],
)
