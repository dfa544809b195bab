import { describe, expect, it } from 'vitest'
import { R1Error } from '../errors.ts'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../tensor/half.ts'
import {
  adamW,
  assign,
  gradients,
  lossScaling,
  matmul,
  mean,
  multiply,
  normal,
  square,
  subtract,
  type Tensor,
  tanh,
  variable,
} from '../tensor/index.ts'
import { randomNormal, streamKey } from '../tensor/random.ts'
import { NDArray } from './array.ts'
import { type JitOptions, jit } from './jit.ts'
import { kernelLibrary } from './kernels.ts'
import { supportedPrecisions } from './precision.ts'
import { missingSwiftShader } from './testing/swiftshader.ts'
import { Variables } from './variables.ts'

const missing = missingSwiftShader()
const hyper = NDArray.from([0.01, 0.9, 0.99, 1e-8, 0, 1, 1, 0, 1])

interface Training extends JitOptions {
  /** Factor of the loss itself: small ones put the gradients below what f16 holds. */
  readonly weight?: number
  readonly initial?: number
  readonly growthInterval?: number | 'static'
  readonly steps?: number
}

const inputs = {
  x: NDArray.from(
    Array.from({ length: 64 }, (_, place) => randomNormal(streamKey(1, 'x'), place)),
    [16, 4],
  ),
  y: NDArray.from(
    Array.from({ length: 16 }, (_, place) => Math.sin(place)),
    [16, 1],
  ),
  hyper,
}

/** Trains a small network of two layers; what each step says of itself. */
function train({ weight = 1, initial, growthInterval, steps = 60, ...options }: Training) {
  const variables = new Variables(5)
  using step = jit(
    ({ x, y, hyper }: Record<'x' | 'y' | 'hyper', Tensor>) => {
      const scaling = lossScaling({ initial, growthInterval })
      const parameters = [
        variable('first', { dtype: 'f32', shape: [4, 16] }, normal(0.5)),
        variable('second', { dtype: 'f32', shape: [16, 1] }, normal(0.5)),
      ]
      const [first, second] = parameters as [Tensor, Tensor]
      const error = mean(square(subtract(matmul(tanh(matmul(x, first)), second), y)))
      const found = gradients(scaling.scale(multiply(error, weight)), parameters)
      const slots = parameters.map((parameter, index) => {
        const type = { dtype: 'f32', shape: parameter.shape } as const
        const [firstMoment, secondMoment] = [variable(`m${index}`, type), variable(`v${index}`, type)]
        return { parameter, firstMoment, secondMoment, gradient: found[index] as Tensor }
      })
      const next = adamW(scaling.unscale(hyper), slots)
      scaling.update(next.norm)
      slots.forEach((slot, index) => {
        const updated = next.slots[index] as (typeof next.slots)[number]
        assign(slot.parameter, updated.parameter)
        assign(slot.firstMoment, updated.firstMoment)
        assign(slot.secondMoment, updated.secondMoment)
      })
      return { error, norm: next.norm, factor: scaling.factor }
    },
    { threads: 1, ...options, variables },
  )
  return Array.from({ length: steps }, () => {
    const before = variables.get('first')?.toNumbers().join()
    const { error, norm, factor } = step.runSync(inputs)
    const moved = before !== undefined && variables.get('first')?.toNumbers().join() !== before
    return {
      moved,
      error: error.toNumbers()[0] as number,
      norm: norm.toNumbers()[0] as number,
      factor: factor.toNumbers()[0] as number,
    }
  })
}

const emulated = { precision: 'f16', emulate: true } as const

describe('f16 with loss scaling, emulated on the CPU', () => {
  it('recovers from an overflow: skips the step, halves the factor until it fits, and then learns as f32 does', () => {
    const found = train({ ...emulated, initial: 2 ** 24 })
    const overflows = found.findIndex(({ norm }) => Number.isFinite(norm))
    expect(overflows).toBeGreaterThan(2)
    found.slice(1, overflows).forEach(({ moved, factor }, index) => {
      expect(moved).toBe(false)
      expect(factor).toBe(2 ** (23 - index))
    })
    expect(found.slice(overflows).every(({ norm, moved }) => Number.isFinite(norm) && moved)).toBe(true)
    const single = train({ initial: 1, growthInterval: 'static', steps: 60 - overflows })
    expect(found.at(-1)?.error).toBeLessThan((found[0]?.error as number) / 3)
    expect(Math.abs((found.at(-1)?.error as number) - (single.at(-1)?.error as number))).toBeLessThan(0.01)
  })

  it('keeps gradients that f16 without scaling would lose', () => {
    const last = (training: Training) => train({ ...emulated, weight: 1e-8, ...training }).at(-1)?.error as number
    const first = train({ ...emulated, steps: 1 })[0]?.error as number
    expect(last({ initial: 1, growthInterval: 'static' })).toBeGreaterThan(first * 0.95)
    expect(last({ initial: 65536 * 64, growthInterval: 'static' })).toBeLessThan(first / 3)
  })

  it('grows the factor after steps without overflow', () => {
    const factors = train({ ...emulated, initial: 8, growthInterval: 3, steps: 8 }).map(({ factor }) => factor)
    expect(factors).toEqual([8, 8, 8, 16, 16, 16, 32, 32])
  })
})

describe('products on rounded operands', () => {
  const rounding = {
    f16: (value: number) => fromFloat16(toFloat16(value)),
    bf16: (value: number) => fromBfloat16(toBfloat16(value)),
  }
  const [a, b] = ['a', 'b'].map((stream) =>
    NDArray.from(
      Array.from({ length: 64 }, (_, place) => randomNormal(streamKey(2, stream), place)),
      [8, 8],
    ),
  ) as [NDArray, NDArray]
  const product = (options: JitOptions) => {
    using run = jit(({ a, b }: { a: Tensor; b: Tensor }) => matmul(a, b), { threads: 1, ...options })
    return run.runSync({ a, b }).toNumbers()
  }
  const expected = (round: (value: number) => number) => {
    const [x, y] = [a.toNumbers().map(round), b.toNumbers().map(round)]
    return x.map((_, place) =>
      Array.from(
        { length: 8 },
        (_, k) => (x[Math.floor(place / 8) * 8 + k] as number) * (y[k * 8 + (place % 8)] as number),
      ).reduce((total, term) => total + term, 0),
    )
  }

  it.each(['f16', 'bf16'] as const)('%s: emulation rounds operands, and of f16 the result', (precision) => {
    const found = product({ precision, emulate: true, kernels: false })
    const exact = expected(rounding[precision])
    found.forEach((value, place) => {
      expect(Math.abs(value - (exact[place] as number))).toBeLessThan(precision === 'f16' ? 4e-3 : 2e-6)
      if (precision === 'f16') expect(rounding.f16(value)).toBe(value)
    })
    expect(found).not.toEqual(product({ kernels: false }))
  })

  it.skipIf(supportedPrecisions('cpu', kernelLibrary().operators).length < 2)(
    'bf16: the native kernel agrees with the emulation',
    () => {
      const [kernel, emulation] = [
        product({ precision: 'bf16', products: 'kernel' }),
        product({ precision: 'bf16', emulate: true, kernels: false }),
      ]
      kernel.forEach((value, place) => {
        expect(Math.abs(value - (emulation[place] as number))).toBeLessThan(2e-5)
      })
    },
  )
})

describe('a precision that a device does not have', () => {
  const refuse = (options: JitOptions) => {
    try {
      train({ steps: 1, ...options })
    } catch (error) {
      return error instanceof R1Error ? error.code : error
    }
    return undefined
  }

  it('is refused with a typed error', () => {
    expect(refuse({ precision: 'f16' })).toBe('unsupported-precision')
    expect(refuse({ precision: 'bf16', kernels: false })).toBe('unsupported-precision')
  })

  it.skipIf(missing !== undefined)('is refused on WebGPU too, or trains there', () => {
    expect(refuse({ precision: 'bf16', device: 'webgpu' })).toBe('unsupported-precision')
    const supported = supportedPrecisions('webgpu', new Set())
    if (!supported.includes('f16')) {
      console.warn('This WebGPU adapter has no shader-f16: training in f16 on WebGPU is not tested.')
      expect(refuse({ precision: 'f16', device: 'webgpu' })).toBe('unsupported-precision')
      return
    }
    const found = train({ precision: 'f16', device: 'webgpu' })
    expect(found.at(-1)?.error).toBeLessThan((found[0]?.error as number) / 3)
  })
})
