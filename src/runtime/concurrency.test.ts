import { stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { NDArray } from './array.ts'
import { createSession, createSessionSync } from './session.ts'
import { failure } from './testing/failure.ts'
import { power, sum } from './testing/models.ts'
import { copyInto } from './transfer.ts'

/** Work of some tenths of a second on one core. */
const slow = power(60, 512)

function input(): NDArray {
  return NDArray.from(new Float32Array(512 * 512).fill(1 / 512), [512, 512])
}

describe('an asynchronous run', () => {
  it('leaves the event loop free', async () => {
    using session = createSessionSync(slow, { threads: 1, spinning: false })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await session.run({ x: input() })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(10)
  })

  it('is stopped by its signal, and the session stays usable', async () => {
    using session = createSessionSync(slow, { threads: 1 })
    const x = input()
    using run = session.bind({ x })
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 5)
    const error = await failure(() => run.run({ signal: controller.signal }))
    expect([error.code, (error.cause as Error).message]).toEqual(['aborted', 'enough'])
    expect((await failure(() => run.run({ signal: controller.signal }))).code).toBe('aborted')
    const { y } = await run.run({ signal: new AbortController().signal })
    expect(y?.data[0]).toBeCloseTo(1 / 512)
  })

  it('is not stopped by a signal that comes late', async () => {
    using session = createSessionSync(sum())
    const controller = new AbortController()
    const a = NDArray.from([1, 2], [1, 2])
    using run = session.bind({ a, b: a })
    await run.run({ signal: controller.signal })
    controller.abort()
    expect((await run.run()).c?.toNumbers()).toEqual([2, 4])
  })

  it('lets other runs of its session go on beside it', async () => {
    using session = createSessionSync(slow, { threads: 1 })
    const x = input()
    const results = await Promise.all([session.run({ x }), session.run({ x }), session.run({ x })])
    for (const { y } of results) expect(y?.data[7]).toBeCloseTo(1 / 512)
  })

  it('waits for a thread where a thousand are wanted at once', async () => {
    using session = createSessionSync(sum(), { threads: 1 })
    const results = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const a = NDArray.from([index, 1], [1, 2])
        return (await session.run({ a, b: a })).c?.data[0]
      }),
    )
    expect(results).toEqual(Array.from({ length: 1000 }, (_, index) => 2 * index))
  })

  it('leaves a thread to the file system', async () => {
    using session = createSessionSync(power(15, 512), { threads: 1, spinning: false })
    const x = input()
    let ended = 0
    const runs = Array.from({ length: 8 }, () => session.run({ x }).then(() => ended++))
    await stat('.')
    expect(ended).toBe(0)
    await Promise.all(runs)
  })

  it('keeps others away from what it writes', async () => {
    using session = createSessionSync(slow, { threads: 1 })
    const [x, y] = [input(), NDArray.zeros([512, 512])]
    using run = session.bind({ x }, { y })
    const pending = run.run()
    const intruders = [
      () => run.run(),
      () => run.runSync(),
      () => session.runSync({ x }, { y }),
      () => session.runSync({ x: y }),
      () => session.run({ x }, { y: x }),
      () => copyInto(y, NDArray.zeros([512, 512])),
      () => copyInto(NDArray.zeros([512, 512]), x),
    ]
    for (const intruder of intruders) expect((await failure(intruder)).code).toBe('busy')
    expect((await pending).y).toBe(y)
    expect(session.runSync({ x: y }).y?.data[0]).toBeCloseTo(1 / 512)
  })

  it('outlives what is disposed under it', async () => {
    const session = await createSession(slow, { threads: 1 })
    const [x, y] = [input(), NDArray.zeros([512, 512])]
    const run = session.bind({ x }, { y })
    const view = x.data
    const pending = run.run()
    session.dispose()
    run.dispose()
    x.dispose()
    expect(view.length).toBe(512 * 512)
    expect((await pending).y?.data[0]).toBeCloseTo(1 / 512)
    expect(view.length).toBe(0)
    for (const action of [() => run.run(), () => session.run({ x }), () => x.data])
      expect((await failure(action)).code).toBe('disposed')
    expect(y.data[0]).toBeCloseTo(1 / 512)
  })
})
