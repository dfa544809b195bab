import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { dtypes } from '../tensor/dtype.ts'
import { NDArray } from './array.ts'
import { float } from './onnx/attribute.ts'
import { OnnxModel } from './onnx/model.ts'
import { createSession, createSessionSync } from './session.ts'
import { failure } from './testing/failure.ts'
import { power, sum } from './testing/models.ts'
import { missingSwiftShader } from './testing/swiftshader.ts'
import { copyInto, copyTo, zerosOn } from './transfer.ts'
import { webGpuInformation } from './webgpu.ts'

const missing = missingSwiftShader()
if (missing !== undefined) console.warn(missing)

const folder = mkdtempSync(join(tmpdir(), 'r1-webgpu-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A step of gradient descent on ½‖w − target‖² that also counts: w ← w − (w − target)/2, steps ← steps + 1. */
function descent(): Uint8Array {
  const model = new OnnxModel()
  model.input('w', 'f32', ['n', 4])
  model.input('target', 'f32', ['n', 4])
  model.input('steps', 'i64', [1])
  model.initializer('one', 'i64', [1], new Uint8Array(BigInt64Array.of(1n).buffer))
  model.initializer('rate', 'f32', [], new Uint8Array(Float32Array.of(0.5).buffer))
  model.node({ operator: 'Sub', inputs: ['w', 'target'], outputs: ['gradient'] })
  model.node({ operator: 'Mul', inputs: ['gradient', 'rate'], outputs: ['step'] })
  model.node({ operator: 'Sub', inputs: ['w', 'step'], outputs: ['next'] })
  model.node({ operator: 'Add', inputs: ['steps', 'one'], outputs: ['nextSteps'] })
  model.node({
    operator: 'ReduceMean',
    inputs: ['next'],
    outputs: ['mean'],
    attributes: { keepdims: 0 },
  })
  model.output('next', 'f32', ['n', 4])
  model.output('nextSteps', 'i64', [1])
  model.output('mean', 'f32', [])
  return model.encode()
}

describe.skipIf(missing !== undefined)('WebGPU', () => {
  it('runs a session on arrays of the CPU', async () => {
    using session = await createSession(sum(), { device: 'webgpu' })
    const feeds = { a: NDArray.from([1, 2], [1, 2]), b: NDArray.from([10, 20], [1, 2]) }
    expect((await session.run(feeds)).c?.toNumbers()).toEqual([11, 22])
    expect(session.runSync(feeds).c?.toNumbers()).toEqual([11, 22])
  })

  it('agrees with the CPU on a product of matrices', async () => {
    const x = NDArray.from(
      Array.from({ length: 48 * 48 }, (_, index) => ((index * 31) % 17) / 100 - 0.05),
      [48, 48],
    )
    using onGpu = createSessionSync(power(3, 48), { device: 'webgpu' })
    using onCpu = createSessionSync(power(3, 48))
    const [found, expected] = [onGpu, onCpu].map((session) => session.runSync({ x }).y?.toNumbers() ?? [])
    expect(found).toHaveLength(48 * 48)
    found?.forEach((value, index) => {
      expect(value).toBeCloseTo(expected?.[index] as number, 4)
    })
  })

  it.each(dtypes)('holds %s of any length, there and back', (dtype) => {
    for (const length of [0, 1, 3, 1000]) {
      const values = Array.from({ length }, (_, index) => index % 2)
      using array = NDArray.from(values, [length], dtype)
      using there = copyTo(array, 'webgpu')
      using elsewhere = zerosOn('webgpu', [length], dtype)
      copyInto(there, elsewhere)
      using back = copyTo(elsewhere, 'cpu')
      expect(back.toNumbers()).toEqual(values)
    }
  })

  it('keeps state on the device over a loop: nothing is copied, which the profile shows', async () => {
    using session = await createSession(descent(), { device: 'webgpu', profile: join(folder, 'loop') })
    using w = zerosOn('webgpu', [2, 4])
    using steps = zerosOn('webgpu', [1], 'i64')
    using target = copyTo(NDArray.from(new Float32Array(8).fill(1), [2, 4]), 'webgpu')
    using mean = zerosOn('webgpu', [])
    using run = session.bind({ w, target, steps }, { next: w, nextSteps: steps, mean })
    for (let step = 0; step < 5; step++) run.runSync()
    for (let step = 0; step < 5; step++) await run.run()
    expect(copyTo(w, 'cpu').toNumbers()).toEqual(new Array(8).fill(1 - 2 ** -10))
    expect(copyTo(steps, 'cpu').toNumbers()).toEqual([10])
    expect(copyTo(mean, 'cpu').toNumbers()).toEqual([1 - 2 ** -10])
    const events = JSON.parse(readFileSync(session.endProfiling(), 'utf8')) as {
      cat: string
      args?: { op_name?: string; provider?: string }
    }[]
    const nodes = events.filter(({ cat, args }) => cat === 'Node' && args?.op_name !== undefined)
    expect(nodes.filter(({ args }) => args?.op_name?.startsWith('Memcpy'))).toEqual([])
    expect(new Set(nodes.map(({ args }) => args?.provider))).toEqual(new Set(['WebGpuExecutionProvider']))
    expect(nodes.filter(({ args }) => args?.op_name === 'ReduceMean').length).toBe(10)
  })

  it('refuses its arrays to a session on the CPU, and to JavaScript', async () => {
    using session = createSessionSync(sum())
    const a = NDArray.zeros([1, 2])
    using there = copyTo(a, 'webgpu')
    for (const action of [
      () => session.runSync({ a: there, b: a }),
      () => session.run({ a, b: a }, { c: there }),
      () => there.data,
      () => there.toNumbers(),
    ])
      expect(await failure(action)).toMatchObject({
        code: 'device-mismatch',
        message: expect.stringContaining('webgpu'),
        remedy: expect.stringMatching(/Copy it/),
      })
  })

  it('takes asynchronous runs of all sessions in turn, and refuses blocking work meanwhile', async () => {
    using first = await createSession(power(20, 128), { device: 'webgpu' })
    using second = await createSession(sum(), { device: 'webgpu' })
    const x = NDArray.from(new Float32Array(128 * 128).fill(1 / 128), [128, 128])
    const a = NDArray.from([1, 2], [1, 2])
    const order: string[] = []
    const pending = [
      first.run({ x }).then(({ y }) => {
        order.push('first')
        expect(y?.data[0]).toBeCloseTo(1 / 128)
      }),
      second.run({ a, b: a }).then(({ c }) => {
        order.push('second')
        expect(c?.toNumbers()).toEqual([2, 4])
      }),
    ]
    await Promise.resolve()
    expect((await failure(() => second.runSync({ a, b: a }))).code).toBe('busy')
    expect((await failure(() => copyTo(a, 'webgpu'))).code).toBe('busy')
    await Promise.all(pending)
    expect(order).toEqual(['first', 'second'])
    expect(second.runSync({ a, b: a }).c?.toNumbers()).toEqual([2, 4])
  })

  it('gives memory back when arrays are disposed, also while it is at work', async () => {
    using session = await createSession(power(20, 128), { device: 'webgpu' })
    const x = copyTo(NDArray.from(new Float32Array(128 * 128).fill(1 / 128), [128, 128]), 'webgpu')
    const [spare, y] = [zerosOn('webgpu', [1000]), NDArray.zeros([128, 128])]
    const pending = session.run({ x }, { y })
    spare.dispose()
    x.dispose()
    await pending
    expect(y.data[0]).toBeCloseTo(1 / 128)
    expect((await failure(() => copyTo(x, 'cpu'))).code).toBe('disposed')
  })

  it('says whether the adapter computes in f16, and names the operator where it does not', async () => {
    const { f16 } = await webGpuInformation()
    const model = new OnnxModel()
    model.input('x', 'f16', [2])
    model.node({
      operator: 'LeakyRelu',
      name: 'leaky',
      inputs: ['x'],
      outputs: ['y'],
      attributes: { alpha: float(0.5) },
    })
    model.output('y', 'f16', [2])
    using session = createSessionSync(model.encode(), { device: 'webgpu' })
    const x = NDArray.from([3, -4], [2], 'f16')
    if (f16) expect(session.runSync({ x }).y?.toNumbers()).toEqual([3, -2])
    else expect((await failure(() => session.runSync({ x }))).message).toMatch(/leaky|f16/)
  })
})
