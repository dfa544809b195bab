import { describe, expect, it } from 'vitest'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import { checkGradient, gradientsOf } from '../runtime/testing/gradient-check.ts'
import { distance } from '../runtime/testing/run-case.ts'
import {
  attention,
  convolution,
  gather,
  gradients,
  linearCrossEntropy,
  multiply,
  rmsNorm,
  scatterAddElements,
  sum,
  type Tensor,
} from './index.ts'
import { randomNormal, randomWord, streamKey } from './random.ts'
import { Plain } from './testing/plain.ts'

/** Sizes at which ONNX Runtime spreads an operator over threads: what races shows here and not on small tensors. */

function normals(stream: string, shape: readonly number[], deviation = 1): NDArray<'f32'> {
  const key = streamKey(3, stream)
  const array = NDArray.zeros(shape, 'f32')
  for (let place = 0; place < array.size; place++) array.data[place] = randomNormal(key, place) * deviation
  return array
}

function tokens(stream: string, count: number, limit: number): NDArray<'i64'> {
  const key = streamKey(4, stream)
  return NDArray.from(
    Array.from({ length: count }, (_, place) => randomWord(key, place) % limit),
    [count],
    'i64',
  )
}

const plain = (array: NDArray): Plain => new Plain(array.shape, array.toNumbers())
const forms = [
  { threads: 1, kernels: true },
  { threads: 2, kernels: true },
  { threads: 1, kernels: false },
  { threads: 2, kernels: false },
]

describe('at real sizes, with one thread and two', () => {
  it('the gradient of an embedding sums duplicate rows in order, to the last bit', () => {
    const [vocabulary, width, count] = [49152, 576, 512]
    // 64 different tokens, so that each stands about eight times.
    const ids = NDArray.from(
      tokens('ids', count, 64)
        .toNumbers()
        .map((id) => id * 761),
      [count],
      'i64',
    )
    const upstream = normals('rows', [count, width])
    const exact = new Float32Array(vocabulary * width)
    ids.toNumbers().forEach((id, row) => {
      for (let column = 0; column < width; column++) {
        exact[id * width + column] =
          (exact[id * width + column] as number) + (upstream.data[row * width + column] as number)
      }
    })
    for (const form of forms) {
      using embed = jit(
        ({ table, ids, upstream }: Record<'table' | 'ids' | 'upstream', Tensor>) =>
          gradients(sum(multiply(gather(table, ids), upstream)), [table])[0] as Tensor,
        form,
      )
      const found = embed.runSync({ table: NDArray.zeros([vocabulary, width]), ids, upstream }) as NDArray<'f32'>
      expect(Buffer.compare(Buffer.from(found.bytes), Buffer.from(exact.buffer)), JSON.stringify(form)).toBe(0)
    }
  })

  it('elements added by index are summed in order, to the last bit', () => {
    const [rows, width, count] = [64, 512, 4096]
    const indices = NDArray.from(tokens('places', rows * count, width).toNumbers(), [rows, count], 'i64')
    const updates = normals('updates', [rows, count])
    const exact = new Float32Array(rows * width)
    indices.toNumbers().forEach((index, place) => {
      const target = Math.floor(place / count) * width + index
      exact[target] = (exact[target] as number) + (updates.data[place] as number)
    })
    for (const form of forms) {
      using add = jit(
        ({ base, indices, updates }: Record<'base' | 'indices' | 'updates', Tensor>) =>
          scatterAddElements(base, indices, updates),
        form,
      )
      const found = add.runSync({ base: NDArray.zeros([rows, width]), indices, updates }) as NDArray<'f32'>
      expect(Buffer.compare(Buffer.from(found.bytes), Buffer.from(exact.buffer)), JSON.stringify(form)).toBe(0)
    }
  })

  it('the head and its loss agree with plain sums, duplicates among the targets', () => {
    const [count, width, vocabulary] = [192, 48, 6000]
    const arrays = {
      hidden: normals('hidden', [count, width]),
      weight: normals('weight', [vocabulary, width], 0.3),
      targets: tokens('targets', count, 40),
    }
    const exact = headReference(arrays)
    for (const form of forms) {
      using head = jit(({ hidden, weight, targets }: Record<'hidden' | 'weight' | 'targets', Tensor>) => {
        const { loss } = linearCrossEntropy(hidden, weight, targets)
        return { loss, gradients: gradients(sum(loss), [hidden, weight]) }
      }, form)
      const found = head.runSync(arrays)
      const [dHidden, dWeight] = found.gradients as readonly NDArray[]
      expect(distance(plain(found.loss as NDArray), exact.loss), JSON.stringify(form)).toBeLessThan(1e-5)
      expect(distance(plain(dHidden as NDArray), exact.dHidden), JSON.stringify(form)).toBeLessThan(2e-5)
      expect(distance(plain(dWeight as NDArray), exact.dWeight), JSON.stringify(form)).toBeLessThan(2e-5)
    }
  })

  it('attention and norms have the gradients of central differences, and in f32 nearly those of f64', () => {
    const bodies = {
      attention: ({ q, k, v }: Record<string, Tensor>) => [
        attention(q as Tensor, k as Tensor, v as Tensor, { window: 48 }),
      ],
      norm: ({ x, weight }: Record<string, Tensor>) => [rmsNorm(x as Tensor, weight as Tensor)],
      convolution: ({ image, kernel }: Record<string, Tensor>) => [
        convolution(image as Tensor, kernel as Tensor, { padding: 1, stride: 2 }),
      ],
    }
    const inputs = {
      attention: { q: normals('q', [2, 96, 6, 16]), k: normals('k', [2, 96, 2, 16]), v: normals('v', [2, 96, 2, 16]) },
      norm: { x: normals('x', [1024, 96]), weight: normals('w', [96]) },
      convolution: { image: normals('image', [4, 8, 32, 32]), kernel: normals('kernel', [16, 8, 3, 3]) },
    }
    for (const name of ['attention', 'norm', 'convolution'] as const) {
      const [body, single] = [bodies[name], inputs[name] as unknown as Record<string, NDArray>]
      const double = Object.fromEntries(
        Object.entries(single).map(([key, array]) => [key, NDArray.from(array.toNumbers(), array.shape, 'f64')]),
      )
      const by = Object.keys(single)
      const exact = gradientsOf(body, double, by, { threads: 2 })
      const options = { by, threads: 2, step: 1e-5, tolerance: 1e-6, directions: 1, coordinates: 1 }
      expect(checkGradient(body, double, options), name).toEqual([])
      for (const form of forms) {
        for (const [key, gradient] of gradientsOf(body, single, by, form)) {
          const error = distance(plain(gradient), plain(exact.get(key) as NDArray))
          expect(error, `${name} by ${key} ${JSON.stringify(form)}`).toBeLessThan(2e-5)
        }
      }
    }
  })
})

/** Loss and gradients of the head in double precision: p = softmax(hidden · weightᵀ), dLogits = p − onehot. */
function headReference({ hidden, weight, targets }: Record<'hidden' | 'weight' | 'targets', NDArray>) {
  const [h, w, t] = [hidden.toNumbers(), weight.toNumbers(), targets.toNumbers()]
  const [count, width] = hidden.shape as [number, number]
  const vocabulary = weight.shape[0] as number
  const loss: number[] = []
  const dHidden = new Float64Array(h.length)
  const dWeight = new Float64Array(w.length)
  const logits = new Float64Array(vocabulary)
  for (let row = 0; row < count; row++) {
    for (let word = 0; word < vocabulary; word++) {
      let dot = 0
      for (let d = 0; d < width; d++) dot += (h[row * width + d] as number) * (w[word * width + d] as number)
      logits[word] = dot
    }
    const normalizer = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0))
    const target = t[row] as number
    loss.push(normalizer - (logits[target] as number))
    for (let word = 0; word < vocabulary; word++) {
      const slope = Math.exp((logits[word] as number) - normalizer) - (word === target ? 1 : 0)
      for (let d = 0; d < width; d++) {
        dHidden[row * width + d] = (dHidden[row * width + d] as number) + slope * (w[word * width + d] as number)
        dWeight[word * width + d] = (dWeight[word * width + d] as number) + slope * (h[row * width + d] as number)
      }
    }
  }
  return {
    loss: new Plain([count], loss),
    dHidden: new Plain(hidden.shape, [...dHidden]),
    dWeight: new Plain(weight.shape, [...dWeight]),
  }
}
