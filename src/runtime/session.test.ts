import { describe, expect, it } from 'vitest'
import { R1Error } from '../errors.ts'
import { NDArray } from './array.ts'
import { OnnxModel } from './onnx/model.ts'
import { createSession, createSessionSync } from './session.ts'

/** c = a + b over [B, 2] */
function sum(): Uint8Array {
  const model = new OnnxModel()
  model.input('a', 'f32', ['B', 2])
  model.input('b', 'f32', ['B', 2])
  model.node({ operator: 'Add', inputs: ['a', 'b'], outputs: ['c'] })
  model.output('c', 'f32', ['B', 2])
  return model.encode()
}

async function failure(action: () => unknown): Promise<R1Error> {
  try {
    await action()
  } catch (error) {
    if (error instanceof R1Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a session', () => {
  it('describes itself and runs, blocking and not', async () => {
    using session = await createSession(sum(), { threads: 1 })
    expect(session.inputs).toEqual([
      { name: 'a', dtype: 'f32', shape: ['B', 2] },
      { name: 'b', dtype: 'f32', shape: ['B', 2] },
    ])
    const feeds = { a: NDArray.from([1, 2, 3, 4], [2, 2]), b: NDArray.from([10, 20, 30, 40], [2, 2]) }
    expect(session.runSync(feeds).c?.toNumbers()).toEqual([11, 22, 33, 44])
    expect((await session.run(feeds)).c?.toNumbers()).toEqual([11, 22, 33, 44])
  })

  it('updates an array in place when it is both fed and fetched', async () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const [a, b] = [NDArray.from([1, 2], [1, 2]), NDArray.from([10, 100], [1, 2])]
    using run = session.bind({ a, b }, { c: a })
    run.runSync()
    await run.run()
    expect(a.toNumbers()).toEqual([21, 202])
  })

  it('names what is wrong with its feeds and fetches', async () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const [a, b] = [NDArray.zeros([2, 2]), NDArray.zeros([2, 2])]
    const cases: [string, RegExp, () => unknown][] = [
      ['missing-input', /'b'/, () => session.runSync({ a })],
      ['unknown-input', /'x'/, () => session.runSync({ a, b, x: a })],
      ['shape-mismatch', /'b'.*B = 2.*\[1, 2\]/, () => session.runSync({ a, b: NDArray.zeros([1, 2]) })],
      ['shape-mismatch', /'a'.*\[2\]/, () => session.runSync({ a: NDArray.zeros([2]), b })],
      ['dtype-mismatch', /'b'.*f32.*f64/, () => session.runSync({ a, b: NDArray.zeros([2, 2], 'f64') })],
      ['unknown-output', /'d'/, () => session.runSync({ a, b }, { d: a })],
      ['shape-mismatch', /output 'c'/, () => session.runSync({ a, b }, { c: NDArray.zeros([3, 2]) })],
    ]
    for (const [code, message, action] of cases) {
      const error = await failure(action)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    }
    expect((await failure(() => createSession(new Uint8Array(100)))).code).toBe('bad-model')
    expect((await failure(() => createSession('/does/not/exist.onnx'))).code).toBe('model-missing')
  })
})
