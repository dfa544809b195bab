/**
 * The Llama-style decoder of the benchmark for jax-js. Arrays are owned: `.ref` keeps one that is used again.
 * Shapes: B batch, S sequence, T = B·S, D width, H heads, d = D/H, F feed-forward width, V vocabulary.
 */
import { nn, numpy as np } from '@jax-js/jax'

const NORM_EPSILON = 1e-5
const ROPE_BASE = 10000

export function initialParameters({ layers, width, heads, keyValueHeads, feedForward, vocabulary }) {
  const kvWidth = (width / heads) * keyValueHeads
  const random = gaussian(1)
  const matrix = (rows, columns) => {
    return np.array(
      Float32Array.from({ length: rows * columns }, () => random() * 0.02),
      { shape: [rows, columns] },
    )
  }
  const blocks = Array.from({ length: layers }, () => ({
    attentionNorm: np.ones([width]),
    query: matrix(width, width),
    key: matrix(width, kvWidth),
    value: matrix(width, kvWidth),
    output: matrix(width, width),
    feedForwardNorm: np.ones([width]),
    gate: matrix(width, feedForward),
    up: matrix(width, feedForward),
    down: matrix(feedForward, width),
  }))
  return { embedding: matrix(vocabulary, width), blocks, norm: np.ones([width]) }
}

/** `(parameters, idsOneHot_TV, targetsOneHot_TV, cosine_Sd, sine_Sd) → mean cross-entropy in nats a token`. */
export function lossFunction({ width, heads, keyValueHeads, sequence, batch }) {
  const headWidth = width / heads
  const tokens = batch * sequence
  const split = (x_TD, count) => x_TD.reshape([batch, sequence, count, headWidth])
  return (parameters, ids_TV, targets_TV, cosine_Sd, sine_Sd) => {
    const tables = [cosine_Sd.reshape([1, sequence, 1, headWidth]), sine_Sd.reshape([1, sequence, 1, headWidth])]
    let x_TD = np.matmul(ids_TV, parameters.embedding.ref)
    for (const block of parameters.blocks) {
      const h_TD = normalize(x_TD.ref, block.attentionNorm)
      const query = rotate(split(np.matmul(h_TD.ref, block.query), heads), tables, headWidth)
      const key = rotate(split(np.matmul(h_TD.ref, block.key), keyValueHeads), tables, headWidth)
      const value = split(np.matmul(h_TD, block.value), keyValueHeads)
      const mixed_TD = nn.dotProductAttention(query, key, value, { isCausal: true }).reshape([tokens, width])
      x_TD = x_TD.add(np.matmul(mixed_TD, block.output))
      const g_TD = normalize(x_TD.ref, block.feedForwardNorm)
      const hidden_TF = nn.silu(np.matmul(g_TD.ref, block.gate)).mul(np.matmul(g_TD, block.up))
      x_TD = x_TD.add(np.matmul(hidden_TF, block.down))
    }
    for (const table of tables) table.dispose()
    const logits_TV = np.matmul(normalize(x_TD, parameters.norm), parameters.embedding.transpose())
    return nn
      .logSoftmax(logits_TV, -1)
      .mul(targets_TV)
      .sum()
      .mul(-1 / tokens)
  }
}

/** Cosines and sines of the rotary angles, `[S, d]` each. */
export function rotaryTables({ width, heads, sequence }) {
  const headWidth = width / heads
  const half = headWidth / 2
  const angle = (index) => Math.floor(index / headWidth) * ROPE_BASE ** (-(index % half) / half)
  const table = (wave) => {
    return np.array(
      Float32Array.from({ length: sequence * headWidth }, (_, index) => wave(angle(index))),
      {
        shape: [sequence, headWidth],
      },
    )
  }
  return [table(Math.cos), table(Math.sin)]
}

function normalize(x_TD, weight_D) {
  const scale_T1 = np.reciprocal(np.sqrt(np.square(x_TD.ref).mean(-1, { keepdims: true }).add(NORM_EPSILON)))
  return x_TD.mul(scale_T1).mul(weight_D)
}

function rotate(x_BSHd, [cosine, sine], headWidth) {
  const half = headWidth / 2
  const turned = np.concatenate(
    [x_BSHd.ref.slice([], [], [], [half]).neg(), x_BSHd.ref.slice([], [], [], [0, half])],
    3,
  )
  return x_BSHd.mul(cosine.ref).add(turned.mul(sine.ref))
}

/** Box-Muller over a linear congruential generator: the same start in every run. */
function gaussian(seed) {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
