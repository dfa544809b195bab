import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { NDArray } from './array.ts'
import { parseDevice } from './device.ts'
import { OnnxModel } from './onnx/model.ts'
import { createSession, createSessionSync } from './session.ts'
import { failure } from './testing/failure.ts'
import { filled, power, sum } from './testing/models.ts'

const folder = mkdtempSync(join(tmpdir(), 'r1-session-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a session', () => {
  it('describes itself and runs, blocking and not', async () => {
    using session = await createSession(sum(), { threads: 1 })
    expect(session.inputs).toEqual([
      { name: 'a', dtype: 'f32', shape: ['B', 2] },
      { name: 'b', dtype: 'f32', shape: ['B', 2] },
    ])
    expect(session.outputs).toEqual([{ name: 'c', dtype: 'f32', shape: ['B', 2] }])
    const feeds = { a: NDArray.from([1, 2, 3, 4], [2, 2]), b: NDArray.from([10, 20, 30, 40], [2, 2]) }
    expect(session.runSync(feeds).c?.toNumbers()).toEqual([11, 22, 33, 44])
    expect((await session.run(feeds)).c?.toNumbers()).toEqual([11, 22, 33, 44])
  })

  it('takes another batch without being made again', () => {
    using session = createSessionSync(sum(), { threads: 1 })
    for (const batch of [1, 5, 0]) {
      const a = NDArray.from(new Float32Array(2 * batch).fill(1), [batch, 2])
      const { c } = session.runSync({ a, b: a })
      expect(c?.shape).toEqual([batch, 2])
      expect(c?.toNumbers()).toEqual(new Array(2 * batch).fill(2))
    }
  })

  it('returns a result whose shape only the run can tell', async () => {
    using session = createSessionSync(filled(), { threads: 1 })
    const shape = NDArray.from([2, 3], [2], 'i64')
    using run = session.bind({ shape })
    expect(run.outputs).toEqual({})
    const first = run.runSync().y
    shape.data[0] = 1n
    const second = (await run.run()).y
    expect([first?.shape, second?.shape, second?.toNumbers()]).toEqual([
      [2, 3],
      [1, 3],
      [0, 0, 0],
    ])
  })

  it('updates an array in place when it is both fed and fetched', async () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const [a, b] = [NDArray.from([1, 2], [1, 2]), NDArray.from([10, 100], [1, 2])]
    using run = session.bind({ a, b }, { c: a })
    run.runSync()
    await run.run()
    expect(a.toNumbers()).toEqual([21, 202])
  })

  it('reads arrays anew at every run, and keeps one memory for its outputs', () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const [a, b] = [NDArray.from([1, 2], [1, 2]), NDArray.from([10, 100], [1, 2])]
    using run = session.bind({ a, b })
    const { c } = run.runSync()
    a.data.set([5, 6])
    expect(run.runSync().c).toBe(c)
    expect(c?.toNumbers()).toEqual([15, 106])
  })

  it('takes the same array for several inputs', () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const a = NDArray.from([1, 2], [1, 2])
    expect(session.runSync({ a, b: a }).c?.toNumbers()).toEqual([2, 4])
  })

  it('runs a model file and finds its external data beside it, or in a folder that is named', () => {
    const model = new OnnxModel()
    model.input('x', 'f32', [2])
    model.initializer('w', 'f32', [2], { location: 'weights.bin', offset: 4, length: 8 })
    model.node({ operator: 'Mul', inputs: ['x', 'w'], outputs: ['y'] })
    model.output('y', 'f32', [2])
    const path = join(folder, 'scale.onnx')
    writeFileSync(path, model.encode())
    writeFileSync(join(folder, 'weights.bin'), new Uint8Array(Float32Array.of(9, 3, 5).buffer))
    const x = NDArray.from([1, 2])
    using fromFile = createSessionSync(path)
    using fromBytes = createSessionSync(model.encode(), { folder })
    expect(fromFile.runSync({ x }).y?.toNumbers()).toEqual([3, 10])
    expect(fromBytes.runSync({ x }).y?.toNumbers()).toEqual([3, 10])
  })

  it('writes a profile that names every operator', async () => {
    using session = createSessionSync(power(3, 4), { threads: 1, profile: join(folder, 'profile') })
    session.runSync({ x: NDArray.zeros([4, 4]) })
    const events = JSON.parse(readFileSync(session.endProfiling(), 'utf8')) as { args?: { op_name?: string } }[]
    expect(events.filter(({ args }) => args?.op_name === 'MatMul')).toHaveLength(3)
    using unprofiled = createSessionSync(sum())
    expect((await failure(() => unprofiled.endProfiling())).code).toBe('not-profiling')
  })

  it('gives the same result whatever the threads, spinning, optimisation and memory options', () => {
    const x = NDArray.from(
      Array.from({ length: 64 * 64 }, (_, index) => ((index * 7) % 11) / 50),
      [64, 64],
    )
    const results = [
      {},
      { threads: 1 },
      { threads: 2, spinning: false },
      { optimization: 'all' as const },
      { arena: false, memoryPattern: false },
    ].map((options) => {
      using session = createSessionSync(power(4, 64), options)
      return session.runSync({ x }).y?.toNumbers()
    })
    for (const result of results) expect(result).toEqual(results[0])
  })
})

describe('what is wrong', () => {
  it('with feeds and fetches is named', async () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const [a, b] = [NDArray.zeros([2, 2]), NDArray.zeros([2, 2])]
    const gone = NDArray.zeros([2, 2])
    gone.dispose()
    const cases: [string, RegExp, () => unknown][] = [
      ['missing-input', /'b'/, () => session.runSync({ a })],
      ['missing-input', /'a', 'b'/, () => session.runSync({})],
      ['unknown-input', /'x'.*'a', 'b'/, () => session.runSync({ a, b, x: a })],
      ['shape-mismatch', /'b'.*B = 2.*\[1, 2\]/, () => session.runSync({ a, b: NDArray.zeros([1, 2]) })],
      ['shape-mismatch', /'a'.*\[B, 2\].*\[2\]/, () => session.runSync({ a: NDArray.zeros([2]), b })],
      ['dtype-mismatch', /'b'.*f32.*f64/, () => session.runSync({ a, b: NDArray.zeros([2, 2], 'f64') })],
      ['unknown-output', /'d'/, () => session.runSync({ a, b }, { d: a })],
      ['shape-mismatch', /output 'c'/, () => session.runSync({ a, b }, { c: NDArray.zeros([3, 2]) })],
      ['dtype-mismatch', /output 'c'/, () => session.runSync({ a, b }, { c: NDArray.zeros([2, 2], 'i32') })],
      ['disposed', /f32\[2, 2\]/, () => session.runSync({ a: gone, b })],
    ]
    for (const [code, message, action] of cases) {
      const error = await failure(action)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    }
  })

  it('with a model or an option is an error', async () => {
    const unknown = new OnnxModel()
    unknown.input('x', 'f32', [1])
    unknown.node({ operator: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] })
    unknown.output('y', 'f32', [1])
    const cases: [string, () => unknown][] = [
      ['bad-model', () => createSession(new Uint8Array(100))],
      ['bad-model', () => createSession(new Uint8Array())],
      ['bad-model', () => createSessionSync(sum().subarray(0, 60))],
      ['bad-model', () => createSessionSync(unknown.encode())],
      ['model-missing', () => createSession(join(folder, 'none.onnx'))],
      ['bad-option', () => createSession(sum(), { threads: 0 })],
      ['unknown-device', () => createSession(sum(), { device: parseDevice('abacus') })],
      ['unknown-device', () => createSession(sum(), JSON.parse('{ "device": "abacus" }'))],
      ['bad-kernels', () => createSession(sum(), { libraries: [join(folder, 'none.so')] })],
    ]
    for (const [code, action] of cases) expect((await failure(action)).code).toBe(code)
  })

  it.each(['../secret.bin', 'link.bin'])(
    'with a model is that its external data leads out of its folder: %s',
    async (location) => {
      const inside = mkdtempSync(join(folder, 'inside-'))
      writeFileSync(join(folder, 'secret.bin'), new Uint8Array(8))
      symlinkSync(join(folder, 'secret.bin'), join(inside, 'link.bin'))
      const model = new OnnxModel()
      model.input('x', 'f32', [2])
      model.initializer('w', 'f32', [2], { location, offset: 0, length: 8 })
      model.node({ operator: 'Mul', inputs: ['x', 'w'], outputs: ['y'] })
      model.output('y', 'f32', [2])
      const path = join(inside, 'model.onnx')
      writeFileSync(path, model.encode())
      expect((await failure(() => createSession(path))).code).toBe('bad-model')
      expect((await failure(() => createSession(model.encode(), { folder: inside }))).code).toBe('bad-model')
    },
  )

  it('with an impossible amount of memory is an error, and the process lives on', async () => {
    using session = createSessionSync(filled(), { threads: 1 })
    const shape = NDArray.from([2 ** 20, 2 ** 20], [2], 'i64')
    expect((await failure(() => session.runSync({ shape }))).code).toBe('out-of-memory')
    expect((await failure(() => session.run({ shape }))).code).toBe('out-of-memory')
    shape.data.set([1n, 1n])
    expect(session.runSync({ shape }).y?.toNumbers()).toEqual([0])
  })

  it('inside a run is told by ONNX Runtime, and the session stays usable', async () => {
    const model = new OnnxModel()
    model.input('table', 'f32', [4])
    model.input('index', 'i64', [1])
    model.node({ operator: 'Gather', inputs: ['table', 'index'], outputs: ['y'] })
    model.output('y', 'f32', [1])
    using session = createSessionSync(model.encode(), { threads: 1 })
    const table = NDArray.from([1, 2, 3, 4])
    const outside = { table, index: NDArray.from([99], [1], 'i64') }
    for (const action of [() => session.runSync(outside), () => session.run(outside)])
      expect((await failure(action)).message).toMatch(/99/)
    expect(session.runSync({ table, index: NDArray.from([2], [1], 'i64') }).y?.toNumbers()).toEqual([3])
  })
})
