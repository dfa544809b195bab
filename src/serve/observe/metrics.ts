import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ModelStatus } from '../models/pool.ts'

/** Seconds; fine where models of this size live, from 1 to 100 ms. */
const fine = [
  0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
]
const coarse = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

/** What a text took, seen from the server. Milliseconds since the request arrived. */
export interface TextTimes {
  readonly queuedMs: number
  readonly firstTokenMs: number
  readonly totalMs: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly newTokens: number
}

/** Figures of the last while, for people who look on. */
export interface RecentFigures {
  readonly promptTokens: number
  readonly generationTokens: number
  /** Median time to the first token and between tokens in milliseconds, of the last requests; undefined before the first. */
  readonly ttftP50: number | undefined
  readonly tpotP50: number | undefined
}

const remembered = 256

/** Counts what the server does, under vLLM's names with the prefix `r1:`. */
export class Metrics {
  readonly registry = new Registry()
  private readonly promptTokens: Counter<'model_name'>
  private readonly generationTokens: Counter<'model_name'>
  private readonly prefixQueries: Counter<'model_name'>
  private readonly prefixHits: Counter<'model_name'>
  private readonly success: Counter<'model_name' | 'finished_reason'>
  private readonly failures: Counter<'model_name' | 'code'>
  private readonly http: Counter<'route' | 'status'>
  private readonly firstToken: Histogram<'model_name'>
  private readonly interToken: Histogram<'model_name'>
  private readonly total: Histogram<'model_name'>
  private readonly queued: Histogram<'model_name'>
  private readonly recentTtft: number[] = []
  private readonly recentTpot: number[] = []
  private totals = { promptTokens: 0, generationTokens: 0 }

  /** @param models what is loaded now, for the gauges */
  constructor(models: () => readonly ModelStatus[], inside: () => number) {
    const model = ['model_name'] as const
    const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
      new Counter({ name: `r1:${name}`, help, labelNames: [...labelNames], registers: [this.registry] })
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `r1:${name}`, help, labelNames: [...model], buckets, registers: [this.registry] })

    this.promptTokens = counter('prompt_tokens_total', 'Tokens of prompts.', model)
    this.generationTokens = counter('generation_tokens_total', 'Generated tokens.', model)
    this.prefixQueries = counter('prefix_cache_queries_total', 'Prompt tokens looked for in the cache.', model)
    this.prefixHits = counter('prefix_cache_hits_total', 'Prompt tokens found in the cache.', model)
    this.success = counter('request_success_total', 'Texts that came to their end.', ['model_name', 'finished_reason'])
    this.failures = counter('request_failure_total', 'Texts that did not.', ['model_name', 'code'])
    this.http = counter('http_requests_total', 'Answers by route and status.', ['route', 'status'])
    this.firstToken = histogram('time_to_first_token_seconds', 'From arrival to the first token.', fine)
    this.interToken = histogram('inter_token_latency_seconds', 'Between tokens, the mean of each text.', fine)
    this.total = histogram('e2e_request_latency_seconds', 'From arrival to the last token.', coarse)
    this.queued = histogram('request_queue_time_seconds', 'From arrival to a slot of the engine.', fine)
    this.gauges(models, inside)
  }

  /** A text came to its end. */
  finished(model_name: string, finished_reason: string, times: TextTimes): void {
    const { promptTokens, cachedTokens, newTokens, queuedMs, firstTokenMs, totalMs } = times
    this.promptTokens.inc({ model_name }, promptTokens)
    this.prefixQueries.inc({ model_name }, promptTokens)
    this.prefixHits.inc({ model_name }, cachedTokens)
    this.generationTokens.inc({ model_name }, newTokens)
    this.success.inc({ model_name, finished_reason })
    this.queued.observe({ model_name }, queuedMs / 1000)
    this.firstToken.observe({ model_name }, firstTokenMs / 1000)
    this.total.observe({ model_name }, totalMs / 1000)
    this.totals.promptTokens += promptTokens
    this.totals.generationTokens += newTokens
    remember(this.recentTtft, firstTokenMs)
    if (newTokens < 2) return
    const between = (totalMs - firstTokenMs) / (newTokens - 1)
    this.interToken.observe({ model_name }, between / 1000)
    remember(this.recentTpot, between)
  }

  /** A text ended before its end. @param code of the error, or `aborted` */
  failed(model_name: string, code: string): void {
    this.failures.inc({ model_name, code })
  }

  /** An answer was begun. @param route as it is declared, not as it was called: the number of labels stays small */
  answered(route: string, status: number): void {
    this.http.inc({ route, status: String(status) })
  }

  get recent(): RecentFigures {
    return { ...this.totals, ttftP50: medianOf(this.recentTtft), tpotP50: medianOf(this.recentTpot) }
  }

  /** Everything in Prometheus's text format. */
  async text(): Promise<string> {
    return await this.registry.metrics()
  }

  private gauges(models: () => readonly ModelStatus[], inside: () => number): void {
    const perModel = (name: string, help: string, value: (status: ModelStatus) => number | undefined) =>
      new Gauge({
        name: `r1:${name}`,
        help,
        labelNames: ['model_name'],
        registers: [this.registry],
        collect() {
          this.reset()
          for (const status of models()) {
            const found = value(status)
            if (found !== undefined) this.set({ model_name: status.id }, found)
          }
        },
      })
    perModel('num_requests_running', 'Texts that are being written.', ({ statistics }) => statistics?.running)
    perModel('num_requests_waiting', 'Texts that wait for a slot.', ({ statistics }) => statistics?.waiting)
    perModel('kv_cache_usage_perc', 'Part of the cache in use, 0 to 1.', ({ statistics }) => statistics?.cacheUse)
    perModel('model_loaded', '1 where the model is in memory.', ({ state }) => (state === 'ready' ? 1 : 0))
    perModel('engine_restarts', 'Restarts of the engine after a failure.', ({ statistics }) => statistics?.restarts)
    const own = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(value())
        },
      })
    own('r1:requests_inside', 'Requests that were let in and are not answered yet.', inside)
    own('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
    own('process_cpu_seconds', 'Processor time.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    own('process_start_time_seconds', 'Start of the process since 1970.', () => Date.now() / 1000 - process.uptime())
  }
}

function remember(values: number[], value: number): void {
  values.push(value)
  if (values.length > remembered) values.shift()
}

function medianOf(values: readonly number[]): number | undefined {
  return [...values].sort((left, right) => left - right)[values.length >> 1]
}
