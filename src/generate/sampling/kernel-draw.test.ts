import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { kernelLibrary } from '../../runtime/kernels.ts'
import { drawToken as draw, drawSettings, type Tensor } from '../../tensor/index.ts'
import { randomUniform, streamKey } from '../../tensor/random.ts'
import { drawToken } from './draw.ts'
import { roundedDown } from './rounded-down.ts'

const { operators, reason } = kernelLibrary()
if (!operators.has('DrawToken')) console.log(`Drawn tokens are not compared: ${reason}.`)

const ways = [
  { temperature: 0.2 },
  { temperature: 1 },
  { temperature: 3 },
  { temperature: 0.8, topP: 0.95 },
  { temperature: 1, topP: 0.5 },
  { temperature: 1, topK: 1 },
  { temperature: 1.2, topK: 50 },
  { temperature: 1.2, topK: 3000 },
  { temperature: 1, minP: 0.05 },
  { temperature: 2, minP: 1e-6 },
  { temperature: 1.5, topK: 200, topP: 0.9, minP: 0.02 },
]

describe.runIf(operators.has('DrawToken'))('the kernel that draws', () => {
  it.each([1, 6, 100, 49152])('draws what is drawn of the logits here, of %i tokens', (vocabulary) => {
    using compiled = jit((inputs: { logits: Tensor; settings: Tensor }) => draw(inputs.logits, inputs.settings).tokens)
    // One row for each share of each way of drawing.
    const shares = vocabulary > 1000 ? 6 : 200
    const key = streamKey(vocabulary, 'logits')
    const logits = Float32Array.from({ length: vocabulary }, (_, id) => {
      const [u, v] = [randomUniform(key, 2 * id), randomUniform(key, 2 * id + 1)]
      // Some are equal, some ruled out, few of them likely.
      return u < 0.05 && id > 0 ? -1 / 0 : u < 0.2 ? Math.round(4 * v) : 8 * v ** 3 - 4 * u
    })
    const cases = ways.flatMap((way) =>
      Array.from({ length: shares }, (_, at) => ({ way, uniform: Math.fround((at + 0.5) / shares) })),
    )
    const settings = cases.flatMap(({ way, uniform }) => {
      const { temperature, topK = 0, topP = 1, minP = 0 } = { topK: 0, topP: 1, minP: 0, ...way }
      return [temperature, topK, topP, minP, uniform]
    })
    using rows = NDArray.from(
      Float32Array.from({ length: cases.length * vocabulary }, (_, at) => logits[at % vocabulary] as number),
      [cases.length, vocabulary],
      'f32',
    )
    using numbers = NDArray.from(Float32Array.from(settings), [cases.length, drawSettings], 'f32')
    using found = compiled.runSync({ logits: rows, settings: numbers })
    const drawn = Array.from(found.data as BigInt64Array, Number)
    expect(drawn).toEqual(cases.map(({ way, uniform }) => drawToken(logits, way, uniform)))
    if (vocabulary > 10) expect(new Set(drawn).size).toBeGreaterThan(20)
  })

  it('keeps as many of equally likely tokens as the share says, though f32 cannot say it exactly', () => {
    using compiled = jit((inputs: { logits: Tensor; settings: Tensor }) => draw(inputs.logits, inputs.settings).tokens)
    const shares = [0.2, 0.4, 0.6, 0.8]
    const logits = Float32Array.of(2, 2, 2, 2, 2, -1 / 0)
    using rows = NDArray.from(Float32Array.from(shares.flatMap(() => [...logits])), [shares.length, 6], 'f32')
    const settings = Float32Array.from(shares.flatMap((topP) => [1, 0, roundedDown(topP), 0, 0.9]))
    using numbers = NDArray.from(settings, [shares.length, drawSettings], 'f32')
    using found = compiled.runSync({ logits: rows, settings: numbers })
    expect(Array.from(found.data as BigInt64Array, Number)).toEqual([0, 1, 2, 3])
    expect(shares.map((topP) => drawToken(logits, { temperature: 1, topP }, 0.9))).toEqual([0, 1, 2, 3])
  })
})

describe('the operators that draw where there is no kernel', () => {
  it('give a token for rows and settings that leave none', () => {
    using compiled = jit(
      (inputs: { logits: Tensor; settings: Tensor }) => draw(inputs.logits, inputs.settings).tokens,
      {
        kernels: false,
      },
    )
    const empty = -1 / 0
    const cases = [
      { logits: [empty, empty, empty], settings: [1, 0, 1, 0, 0.5], drawn: 0 },
      { logits: [0, 1 / 0, 0], settings: [1, 0, 1, 0, 0.5], drawn: 1 },
      { logits: [0, 1, 3], settings: [1, 0, 0, 0, 0.5], drawn: 2 },
      { logits: [0, 1, 3], settings: [1, 0, 1, 2, 0.5], drawn: 2 },
      { logits: [3, 1, 0], settings: [1, 0, 1, 0, 1], drawn: 2 },
    ]
    using rows = NDArray.from(Float32Array.from(cases.flatMap(({ logits }) => logits)), [cases.length, 3], 'f32')
    const settings = Float32Array.from(cases.flatMap((one) => one.settings))
    using numbers = NDArray.from(settings, [cases.length, drawSettings], 'f32')
    using found = compiled.runSync({ logits: rows, settings: numbers })
    expect(Array.from(found.data as BigInt64Array, Number)).toEqual(cases.map(({ drawn }) => drawn))
  })
})
