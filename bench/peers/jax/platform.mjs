/**
 * What jax-js expects of a browser and Node lacks.
 *
 * Its WebAssembly backend runs on the Web's `Worker` and falls back to one thread where there is none; Node has the
 * same thing under another name. The methods of iterators are part of Node from version 22.
 */
import { resolveObjectURL } from 'node:buffer'
import { Worker as NodeWorker } from 'node:worker_threads'

const PRELUDE = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => self.onmessage({ data }))
`

class WebWorker {
  onmessage = null
  onerror = null
  #worker

  constructor(url) {
    this.#worker = resolveObjectURL(url)
      .text()
      .then((source) => {
        const worker = new NodeWorker(PRELUDE + source, { eval: true })
        worker.on('message', (data) => this.onmessage?.({ data }))
        worker.on('error', (error) => this.onerror?.(error))
        return worker
      })
  }

  postMessage(message) {
    this.#worker.then((worker) => worker.postMessage(message))
  }
}

const iteratorMethods = {
  *map(change) {
    let index = 0
    for (const value of this) yield change(value, index++)
  },
  *filter(keep) {
    let index = 0
    for (const value of this) if (keep(value, index++)) yield value
  },
}

/** Call before jax-js is imported. */
export function provideWebPlatform(threads) {
  const iterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))
  for (const [name, value] of Object.entries(iteratorMethods)) {
    if (!(name in iterator)) Object.defineProperty(iterator, name, { value, configurable: true, writable: true })
  }
  globalThis.Worker = WebWorker
  const value = { userAgent: 'node', hardwareConcurrency: threads }
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true })
}
