import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTinyCheckpoint } from '../../generate/testing/text-model.ts'
import { r1Model, saveModel } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import type { Store } from '../../store/index.ts'
import { type ServeSettings, serveSchema } from '../config/schema.ts'
import { modelSources } from '../models/sources.ts'
import { type RunningServer, startServer } from '../server.ts'
import { memoryStore } from './memory-store.ts'

/** A server over a tiny model of random weights. */
export interface TinyServer extends AsyncDisposable {
  readonly running: RunningServer
  readonly address: string
  /** Sends JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  get(path: string, headers?: Record<string, string>): Promise<Response>
}

/** A bias against the tokens that are no letters: the end, the marks of thoughts, and the places without a token. */
export const lettersOnly = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [96 + at, -100]))

/** Writes a tiny model of random weights that reads and writes letters, with a context of 4096, into a folder of its own. */
export async function tinyModelFolder(seed = 1): Promise<string> {
  const folder = join(tmpdir(), `r1-tiny-${crypto.randomUUID()}`)
  await writeTinyCheckpoint(folder)
  const model = r1Model({ depth: 1, width: 32, vocabulary: 128, positions: 4096 })
  using variables = new Variables(seed)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  await saveModel(folder, { model, variables })
  return folder
}

/** Starts a server that listens at a port of its own. */
export async function tinyServer(settings: ServeSettings = {}, store: Store = memoryStore()): Promise<TinyServer> {
  const folder = await tinyModelFolder()
  const config = serveSchema.parse({
    port: 0,
    logLevel: 'silent',
    model: `tiny=${folder}`,
    slots: 4,
    isolate: false,
    ...settings,
  })
  const running = await startServer({ config, store, models: modelSources(config, () => folder) })
  const { address } = running
  return {
    running,
    address,
    post: (path, body, headers = {}) =>
      fetch(address + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (path, headers = {}) => fetch(address + path, { headers }),
    async [Symbol.asyncDispose]() {
      await running.drain()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
