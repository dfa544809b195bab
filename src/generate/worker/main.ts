/** The process of an `EngineWorker`: an engine that is asked for texts and vectors by messages. */
import { Embedder } from '../embed.ts'
import { Engine, generates } from '../engine.ts'
import { cannotGenerate } from '../engine-options.ts'
import { loadTextModel, type TextModel } from '../text/text-model.ts'
import type { TokenStream } from '../token-stream.ts'
import {
  type Command,
  plainError,
  type Report,
  type WorkerEvent,
  type WorkerFacts,
  type WorkerModel,
} from './messages.ts'
import { DistantGuide } from './wishes.ts'

/** While tokens come, statistics are sent once in so many milliseconds. */
const statisticsEvery = 100

interface Running {
  readonly stream: TokenStream
  readonly guide: DistantGuide | undefined
}

class Service {
  private readonly model: TextModel
  private readonly engine: Engine | undefined
  private readonly embedder: Embedder
  private readonly running = new Map<number, Running>()
  private events: WorkerEvent[] = []
  /** When statistics were sent last. */
  private counted = 0

  private constructor(model: TextModel, engine: Engine | undefined, embedder: Embedder) {
    this.model = model
    this.engine = engine
    this.embedder = embedder
  }

  static async load({ model: name, weights, engine: options }: WorkerModel): Promise<Service> {
    const model = await loadTextModel(name, { weights })
    const engine = generates(model.model) ? await Engine.create(model, options) : undefined
    return new Service(model, engine, new Embedder(model, options))
  }

  get statistics() {
    return this.engine?.statistics
  }

  get facts(): WorkerFacts {
    const { model, variables, stored } = this.model
    const [packed] = stored?.values() ?? []
    const elements = model.parameters().map(({ tensor: { shape } }) => shape.reduce<number>((a, b) => a * Number(b), 1))
    return {
      modelType: model.modelType,
      vocabulary: model.vocabulary,
      context: this.engine?.context ?? model.positions,
      generates: this.engine !== undefined,
      embeddingLength: this.embedder.format.length,
      parameters: elements.reduce((sum, count) => sum + count, 0),
      weightBytes: variables.names.reduce((sum, name) => sum + (variables.get(name)?.byteLength ?? 0), 0),
      weightType: packed?.type ?? 'f32',
    }
  }

  async carryOut(command: Command): Promise<void> {
    if (command.kind === 'generate') await this.generate(command)
    else if (command.kind === 'wish') this.running.get(command.id)?.guide?.tell(command.wish)
    else if (command.kind === 'cancel') this.cancel(command.id)
    else if (command.kind === 'embed') await this.embed(command)
    else if (command.kind === 'close') await this.close()
  }

  private async generate({ id, request, guidance }: Extract<Command, { kind: 'generate' }>): Promise<void> {
    try {
      if (!this.engine) throw cannotGenerate(this.model.model)
      const guide = guidance === 'none' ? undefined : new DistantGuide(guidance)
      const stream = this.engine.generate({ ...request, guide })
      this.running.set(id, { stream, guide })
      for await (const token of stream) this.report({ kind: 'token', id, token })
      this.report({ kind: 'finish', id, finish: await stream.finish })
    } catch (error) {
      this.report({ kind: 'failed', id, error: plainError(error) })
    } finally {
      this.running.delete(id)
    }
  }

  private async embed({ id, texts }: Extract<Command, { kind: 'embed' }>): Promise<void> {
    try {
      this.report({ kind: 'vectors', id, vectors: await this.embedder.embed(texts) })
    } catch (error) {
      this.report({ kind: 'failed', id, error: plainError(error) })
    }
  }

  private cancel(id: number): void {
    const running = this.running.get(id)
    running?.stream.cancel()
    running?.guide?.leave()
  }

  /** What comes together, such as the tokens of one step, is sent as one message. */
  private report(event: WorkerEvent): void {
    if (this.events.push(event) > 1) return
    setImmediate(() => {
      const { events } = this
      this.events = []
      const now = performance.now()
      const isDue = now - this.counted > statisticsEvery || events.some(({ kind }) => kind !== 'token')
      if (isDue) this.counted = now
      send({ kind: 'events', events, statistics: isDue ? this.statistics : undefined })
    })
  }

  private async close(): Promise<void> {
    for (const id of this.running.keys()) this.cancel(id)
    await this.engine?.close()
    await this.embedder.dispose()
    this.model.variables.dispose()
    process.disconnect()
  }
}

// The channel may be gone because whoever started this process is.
const send = (report: Report) => process.send?.(report, undefined, undefined, () => undefined)

let service: Service | undefined
process.on('message', async (command: Command) => {
  if (command.kind !== 'load') return await service?.carryOut(command)
  try {
    service = await Service.load(command)
    send({ kind: 'ready', facts: service.facts, statistics: service.statistics })
  } catch (error) {
    send({ kind: 'refused', error: plainError(error) })
  }
})
process.on('disconnect', () => process.exit())
// A terminal interrupts every process of its group; this one is ended by whoever started it.
process.on('SIGINT', () => undefined)
