/**
 * jax-js's side of the benchmark on its WebAssembly backend (protocol: ../README.md).
 *
 * Usage: worker.mjs <configuration as JSON | null> f32 <threads>
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { provideWebPlatform } from './platform.mjs'

const configuration = JSON.parse(process.argv[2])
const threads = Number(process.argv[4])
provideWebPlatform(threads)
const { blockUntilReady, defaultDevice, init, jit, numpy: np, tree, valueAndGrad } = await import('@jax-js/jax')
const { initialParameters, lossFunction, rotaryTables } = await import('./model.mjs')
await init('wasm')
defaultDevice('wasm')

const LEARNING_RATE = 1e-3
const WEIGHT_DECAY = 0.01
const CLIP_NORM = 1
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8]

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
const peakRssMb = () => process.resourceUsage().maxRSS / 1024

const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url)
const version = JSON.parse(readFileSync(manifest, 'utf8')).version
const versions = { 'jax-js': version, threads }

/** One traced step: loss, gradients, clip by the global norm, AdamW. Corrections are 1/(1 − βᵗ). */
function trainingStep(loss) {
  const lossAndGradient = valueAndGrad(loss)
  return jit((parameters, first, second, correction1, correction2, ids, targets, cosine, sine) => {
    const [value, gradient] = lossAndGradient(tree.ref(parameters), ids, targets, cosine, sine)
    const squares = tree.leaves(tree.ref(gradient)).map((leaf) => np.square(leaf).sum())
    const norm = np.sqrt(squares.reduce((left, right) => left.add(right)))
    const scale = np.minimum(np.reciprocal(norm.add(1e-6)).mul(CLIP_NORM), 1)
    const clipped = tree.map((leaf) => leaf.mul(scale.ref), gradient)
    scale.dispose()
    const nextFirst = tree.map((m, g) => m.mul(BETA1).add(g.mul(1 - BETA1)), first, tree.ref(clipped))
    const nextSecond = tree.map((v, g) => v.mul(BETA2).add(np.square(g).mul(1 - BETA2)), second, clipped)
    const next = tree.map(
      (p, m, v) => {
        const update = m.mul(correction1.ref).div(np.sqrt(v.mul(correction2.ref)).add(EPSILON))
        return p.mul(1 - LEARNING_RATE * WEIGHT_DECAY).sub(update.mul(LEARNING_RATE))
      },
      parameters,
      tree.ref(nextFirst),
      tree.ref(nextSecond),
    )
    correction1.dispose()
    correction2.dispose()
    return [value, next, nextFirst, nextSecond]
  })
}

class Trainer {
  constructor(config) {
    this.step = trainingStep(lossFunction(config))
    this.parameters = initialParameters(config)
    this.count = tree.leaves(tree.ref(this.parameters)).reduce((sum, leaf) => sum + leaf.size, 0)
    this.first = tree.map((leaf) => np.zeros(leaf.shape), tree.ref(this.parameters))
    this.second = tree.map((leaf) => np.zeros(leaf.shape), tree.ref(this.parameters))
    this.constants = [...oneHotBatch(config), ...rotaryTables(config)]
    this.steps = 0
  }

  async run() {
    const start = performance.now()
    this.steps += 1
    const corrections = [BETA1, BETA2].map((beta) =>
      np.array(new Float32Array([1 / (1 - beta ** this.steps)]), { shape: [] }),
    )
    const constants = this.constants.map((array) => array.ref)
    const [loss, ...state] = this.step(this.parameters, this.first, this.second, ...corrections, ...constants)
    ;[this.parameters, this.first, this.second] = state
    await blockUntilReady(state.map((part) => tree.ref(part)))
    const value = Number(await loss.jsAsync())
    return { ms: performance.now() - start, loss: value }
  }
}

/** Random ids and, as targets, the id that follows, both as one-hot rows: the quickest form at a vocabulary of 256. */
function oneHotBatch({ batch, sequence, vocabulary }) {
  let state = 1
  const ids = Int32Array.from({ length: batch * sequence }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % vocabulary
  })
  const rows = (shift) => {
    const data = new Float32Array(ids.length * vocabulary)
    for (let token = 0; token < ids.length; token += 1) {
      const row = token - (token % sequence)
      data[token * vocabulary + ids[row + ((token - row + shift) % sequence)]] = 1
    }
    return np.array(data, { shape: [ids.length, vocabulary] })
  }
  return [rows(0), rows(1)]
}

async function gemm(M, N, K, layout, seconds) {
  const random = (rows, columns) => {
    return np.array(Float32Array.from({ length: rows * columns }, Math.random), { shape: [rows, columns] })
  }
  const a = layout[0] === 't' ? random(K, M) : random(M, K)
  const b = layout[1] === 't' ? random(N, K) : random(K, N)
  const product = jit((left, right) =>
    np.matmul(layout[0] === 't' ? left.transpose() : left, layout[1] === 't' ? right.transpose() : right),
  )
  const times = []
  const deadline = performance.now() + seconds * 1e3
  while (times.length < 5 || performance.now() < deadline) {
    const start = performance.now()
    const c = product(a.ref, b.ref)
    await blockUntilReady(c.ref)
    times.push(performance.now() - start)
    c.dispose()
  }
  a.dispose()
  b.dispose()
  return times.slice(2)
}

const idle = peakRssMb()
const trainer = configuration && new Trainer(configuration)
if (trainer) {
  const { ms, loss } = await trainer.run()
  await trainer.run()
  const counts = { parameters: trainer.count, trained_parameters: trainer.count }
  say({ event: 'ready', name: 'jax-js', versions, ...counts, first_step_ms: ms, first_loss: loss, idle_rss_mb: idle })
} else {
  say({ event: 'ready', name: 'jax-js', versions })
}
for await (const line of createInterface({ input: process.stdin })) {
  const [request, ...words] = line.split(' ')
  if (request === 'step') {
    const steps = []
    for (let index = 0; index < Number(words[0]); index += 1) steps.push(await trainer.run())
    say({
      event: 'steps',
      ms: steps.map(({ ms }) => ms),
      loss: steps.map(({ loss }) => loss),
      peak_rss_mb: peakRssMb(),
    })
  } else if (request === 'gemm') {
    const [M, N, K] = words.slice(0, 3).map(Number)
    say({ event: 'gemm', ms: await gemm(M, N, K, words[3], Number(words[4])) })
  } else if (request === 'quit') {
    process.exit(0)
  }
}
