import { z } from '@hono/zod-openapi'
import type { Conversation, ConversationSummary, Json, Message } from '../../store/index.ts'
import { number, whole } from '../routes/fields.ts'

/** Characters of a prompt or answer at most; a body may be smaller still. */
const longText = z.string().max(2 ** 24)
const shortText = z.string().max(1000)
const modelName = z.string().max(200)
const moment = z.iso.datetime()
const loose = z.record(z.string(), z.unknown())

export const identifier = z.uuid().openapi({ example: '0b7f2a4e-7b62-4f0b-9d0c-3f0f7f6f8c11' })

/** How tokens are drawn; what is left out is the model's own choice. */
export const samplingSchema = z
  .object({
    temperature: number(0, 100).optional(),
    topK: whole(0, 2 ** 20).optional(),
    topP: z.number().gt(0).max(1).optional(),
    minP: number(0, 1).optional(),
    repetitionPenalty: z.number().gt(0).max(100).optional(),
    presencePenalty: number(-2, 2).optional(),
    frequencyPenalty: number(-2, 2).optional(),
    maxTokens: whole(1, 2 ** 20).optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  })
  .openapi('Sampling')

export type SamplingBody = z.output<typeof samplingSchema>

export const messageSchema = z
  .object({
    id: identifier,
    parent: identifier.nullable(),
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    content: z.string(),
    reasoning: z.string().nullable(),
    reasoningMilliseconds: z.int().nullable(),
    model: z.string().nullable(),
    sampling: loose.nullable(),
    tokens: z.unknown(),
    usage: loose.nullable(),
    finishReason: z.string().nullable(),
    createdAt: moment,
  })
  .openapi('Message')

export const conversationSchema = z
  .object({
    id: identifier,
    title: z.string(),
    system: z.string().nullable(),
    model: z.string().nullable(),
    sampling: loose.nullable(),
    activeLeaf: identifier.nullable(),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Conversation')

export const summarySchema = conversationSchema
  .pick({ id: true, title: true, model: true, createdAt: true, updatedAt: true })
  .extend({ preview: z.string() })
  .openapi('ConversationSummary')

/** A conversation with all of its branches. */
export const wholeConversationSchema = conversationSchema
  .extend({ messages: z.array(messageSchema) })
  .openapi('WholeConversation')

const conversationFields = {
  title: shortText.optional(),
  system: longText.nullish(),
  model: modelName.nullish(),
  sampling: samplingSchema.nullish(),
} as const

export const newConversationSchema = z.object({ id: identifier.optional(), ...conversationFields })

export const conversationChangeSchema = z.object({ ...conversationFields, activeLeaf: identifier.nullish() })

export const newMessageSchema = z.object({ id: identifier, parent: identifier.nullable(), content: longText })

export const replySchema = z.object({
  id: identifier,
  parent: identifier,
  model: modelName.nullish(),
  sampling: samplingSchema.nullish(),
  probabilities: z.boolean().optional(),
})

export type ReplyBody = z.output<typeof replySchema>

const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString()

/** A value of the store as routes declare it: what is read-only there is nobody's here. */
const open = (value: Json) => value as Record<string, unknown> | null

export function shownMessage({ conversation: _, createdAt, sampling, usage, tokens, ...rest }: Message) {
  return {
    ...rest,
    sampling: open(sampling),
    usage: open(usage),
    tokens: tokens as unknown,
    createdAt: timeOf(createdAt),
  }
}

export function shownConversation({ sampling, createdAt, updatedAt, ...rest }: Conversation) {
  return { ...rest, sampling: open(sampling), createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) }
}

export function shownSummary({ id, title, model, createdAt, updatedAt, preview }: ConversationSummary) {
  return { id, title, model, preview, createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) }
}
