/**
 * Our own side of the benchmark, from the built package in `dist` (protocol: ../README.md).
 *
 * Usage: worker.mjs <configuration as JSON | null> <stock | f32 | bf16> <threads>
 * `stock` uses ONNX Runtime's own operators alone; the other two the native kernels where the machine has them.
 */
import { createInterface } from 'node:readline'

const dist = new URL('../../../dist/', import.meta.url)
const load = (path) => import(new URL(path, dist))
const [{ modelOf }, { NDArray }, { jit }, { kernelLibrary }, { Variables }, { matmul }, { linearLayers }, ...train] =
  await Promise.all([
    load('models/families.js'),
    load('runtime/array.js'),
    load('runtime/jit.js'),
    load('runtime/kernels.js'),
    load('runtime/variables.js'),
    load('tensor/index.js'),
    load('cli/bench/train-configurations.js'),
    load('train/batch.js'),
    load('train/objectives/next-token.js'),
    load('train/step.js'),
  ])
const [{ windowBatch }, { nextToken }, { TrainingStep }] = train

const configuration = JSON.parse(process.argv[2])
const mode = process.argv[3]
const threads = Number(process.argv[4])
const kernels = mode !== 'stock'
const precision = mode === 'bf16' ? 'bf16' : 'f32'

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
const peakRssMb = () => process.resourceUsage().maxRSS / 1024

class Trainer {
  constructor(config) {
    const { layers, width, heads, keyValueHeads, feedForward, vocabulary, sequence, batch, loraRank } = config
    const model = modelOf({
      model_type: 'llama',
      vocab_size: vocabulary,
      hidden_size: width,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      intermediate_size: feedForward,
      max_position_embeddings: sequence,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
    })
    const adapter = { rank: loraRank, alpha: 2 * loraRank, accepts: (layer) => linearLayers.test(layer) }
    this.variables = new Variables(7)
    const scope = loraRank > 0 ? { adapter } : {}
    const optimizer = { beta2: 0.999, weightDecay: 0.01 }
    const loaded = { model, variables: this.variables }
    this.step = new TrainingStep(loaded, nextToken, { threads, kernels, precision, scope, optimizer })
    const ids = randomIds(batch * sequence, vocabulary)
    const targets = ids.map((_, at) => ids[at - (at % sequence) + ((at + 1) % sequence)])
    this.batch = windowBatch(ids, targets, [batch, sequence])
    this.whole = { index: 0, of: 1, weight: batch * sequence }
    this.steps = 0
  }

  async run() {
    const start = performance.now()
    this.steps += 1
    const { loss } = await this.step.run(this.batch, this.whole, this.steps, 1e-3)
    return { ms: performance.now() - start, loss: loss / this.whole.weight }
  }

  parameters(accept) {
    const names = this.variables.names.filter((name) => !name.endsWith('_moment') && accept(name))
    return names.reduce((sum, name) => sum + this.variables.get(name).size, 0)
  }
}

/** Uniform ids by a linear congruential generator. */
function randomIds(count, vocabulary) {
  let state = 1
  return BigInt64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return BigInt((state >>> 8) % vocabulary)
  })
}

async function gemm(M, N, K, layout, seconds) {
  const [transposeA, transposeB] = [layout[0] === 't', layout[1] === 't']
  const random = (rows, columns) => {
    return NDArray.from(Float32Array.from({ length: rows * columns }, Math.random), [rows, columns])
  }
  const a = transposeA ? random(K, M) : random(M, K)
  const b = transposeB ? random(N, K) : random(K, N)
  const options = { threads, kernels, precision, reuseOutputs: true }
  const product = jit((inputs) => matmul(inputs.a, inputs.b, { transposeA, transposeB }), options)
  const times = []
  const deadline = performance.now() + seconds * 1e3
  while (times.length < 5 || performance.now() < deadline) {
    const start = performance.now()
    product.runSync({ a, b })
    times.push(performance.now() - start)
  }
  product.dispose()
  a.dispose()
  b.dispose()
  return times.slice(2)
}

const idle = peakRssMb()
const path = kernels ? (kernelLibrary().instructions ?? 'stock') : 'stock'
const trainer = configuration && new Trainer(configuration)
if (trainer) {
  const { ms, loss } = await trainer.run()
  await trainer.run()
  say({
    event: 'ready',
    name: 'ours',
    versions: { threads },
    path,
    parameters: trainer.parameters(() => true),
    trained_parameters: trainer.parameters((name) => trainer.variables.names.includes(`${name}.first_moment`)),
    first_step_ms: ms,
    first_loss: loss,
    idle_rss_mb: idle,
  })
} else {
  say({ event: 'ready', name: 'ours', versions: { threads }, path })
}
for await (const line of createInterface({ input: process.stdin })) {
  const [request, ...words] = line.split(' ')
  if (request === 'step') {
    const results = []
    for (let index = 0; index < Number(words[0]); index += 1) results.push(await trainer.run())
    say({
      event: 'steps',
      ms: results.map(({ ms }) => ms),
      loss: results.map(({ loss }) => loss),
      peak_rss_mb: peakRssMb(),
    })
  } else if (request === 'gemm') {
    const [M, N, K] = words.slice(0, 3).map(Number)
    say({ event: 'gemm', ms: await gemm(M, N, K, words[3], Number(words[4])) })
  } else if (request === 'quit') {
    process.exit(0)
  }
}
