/**
 * Our own side of the benchmark, from the built package in `dist` (protocol: ../README.md).
 *
 * Usage: worker.mjs <configuration as JSON | null> <stock | f32 | bf16> <threads>
 * `stock` uses ONNX Runtime's own operators alone; the other two the native kernels where the machine has them.
 */
import { createInterface } from 'node:readline'

const dist = new URL('../../../dist/', import.meta.url)
const load = (path) => import(new URL(path, dist))
const [{ modelOf }, { NDArray }, { jit }, { kernelLibrary }, { Variables }, { matmul }, { linearLayers }, steps] =
  await Promise.all([
    load('models/families.js'),
    load('runtime/array.js'),
    load('runtime/jit.js'),
    load('runtime/kernels.js'),
    load('runtime/variables.js'),
    load('tensor/index.js'),
    load('cli/bench/train-configurations.js'),
    load('cli/bench/training-step.js'),
  ])

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
    this.step = steps.trainingStep(model, { variables: this.variables, threads, kernels, precision, scope })
    const ids = randomIds(batch * sequence, vocabulary)
    const targets = ids.map((_, at) => ids[at - (at % sequence) + ((at + 1) % sequence)])
    this.inputs = {
      ids: NDArray.from(ids, [batch, sequence], 'i64'),
      targets: NDArray.from(targets, [batch, sequence], 'i64'),
      hyper: NDArray.from(steps.adamWHyper(1)),
    }
    this.steps = 0
  }

  async run() {
    const start = performance.now()
    this.steps += 1
    this.inputs.hyper.data.set(steps.adamWHyper(this.steps))
    const { loss } = await this.step.run(this.inputs)
    const value = loss.toNumbers()[0]
    return { ms: performance.now() - start, loss: value }
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
