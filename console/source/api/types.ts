/** How tokens are drawn; what is absent is the model's own choice. */
export interface Sampling {
  temperature?: number
  topP?: number
  topK?: number
  minP?: number
  repetitionPenalty?: number
  maxTokens?: number
  seed?: number
}

export interface Alternative {
  text: string
  probability: number
}

export interface Token extends Alternative {
  /** The most likely tokens at this place, with the drawn one where it is among them. */
  top?: Alternative[]
}

export interface Usage {
  promptTokens?: number
  completionTokens?: number
  reasoningTokens?: number
}

export interface Message {
  id: string
  parent: string | null
  role: 'user' | 'assistant' | 'system'
  content: string
  reasoning?: string | null
  reasoningMilliseconds?: number | null
  model?: string | null
  sampling?: Sampling | null
  tokens?: { reasoning?: Token[]; text?: Token[] } | null
  usage?: Usage | null
  finishReason?: string | null
  createdAt: string
}

export interface ConversationSummary {
  id: string
  title: string
  model?: string | null
  createdAt: string
  updatedAt: string
  preview?: string | null
}

export interface Conversation extends ConversationSummary {
  system?: string | null
  sampling?: Sampling | null
  activeLeaf?: string | null
  messages: Message[]
}

export interface ConversationPage {
  items: ConversationSummary[]
  next?: string | null
}

export interface ModelName {
  id: string
  loaded: boolean
}

export interface Session {
  user: string
  admin: boolean
  keysRequired: boolean
  version: string
  defaultModel: string
  models: ModelName[]
}

export type ReplyEvent =
  | { type: 'start'; id: string; model: string }
  | { type: 'reasoning-delta' | 'text-delta'; text: string; tokens?: Token[] }
  | { type: 'finish'; finishReason: string; usage?: Usage; message: Message }
  | { type: 'error'; error: { message: string; code?: string | null } }

export type RunStatus = 'running' | 'finished' | 'failed' | 'stopped' | 'waiting'

export interface RunStage {
  index: number
  name: string
  kind: string
  status: RunStatus
  step?: number | null
  steps?: number | null
  loss?: number | null
}

export interface Run {
  name: string
  status: RunStatus
  startedAt?: string | null
  updatedAt?: string | null
  stages: RunStage[]
}

export interface RunDetails extends Run {
  config?: unknown
}

/** One line of a stage's metrics: a step and whatever the stage measures. */
export type MetricsRow = Record<string, unknown>

export interface MetricsPage {
  rows: MetricsRow[]
  next: number
}

export type RunEvent =
  | { type: 'metrics'; stage: string; rows: MetricsRow[] }
  | { type: 'status'; stage?: string; rows?: unknown }

export interface LoadedModel {
  id: string
  state: string
  family?: string | null
  parameters?: number | null
  weightBytes?: number | null
  cacheBytes?: number | null
  precision?: string | null
  slots?: number | null
  context?: number | null
}

export interface SystemState {
  version: string
  uptimeSeconds: number
  node: string
  cpu: { model: string; cores: number; path?: string | null }
  device: string
  memory: { rss: number; total: number }
  models: LoadedModel[]
  engine: { running: number; waiting: number; kvUse?: number; prefixHits?: number; prefixQueries?: number }
}

/** The server at one second; rates are tokens per second, times milliseconds. */
export interface SystemTick {
  time: string | number
  running: number
  waiting: number
  promptTokensPerSecond: number
  generationTokensPerSecond: number
  ttftP50?: number | null
  tpotP50?: number | null
  rss: number
  kvUse?: number | null
}

export interface ApiKey {
  id: string
  name: string
  user?: string | null
  prefix?: string | null
  admin?: boolean
  createdAt: string
  lastUsedAt?: string | null
}
