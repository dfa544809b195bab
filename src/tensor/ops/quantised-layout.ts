import type { Dimension } from '../dimension.ts'
import type { DType } from '../dtype.ts'
import { attributeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { constant } from './constant.ts'
import { add, cast, floor, multiply, negate, subtract } from './elementwise.ts'
import { gather } from './indexing.ts'
import { stack } from './repeat.ts'
import { reshape, transpose } from './shape.ts'
import { slice } from './slice.ts'

/*
 * The packed layout of quantised weights W [N, K], as native/quantised/packed.h describes it: panels of 16 rows, blocks of
 * 32 numbers, the numbers in planes of 64 bytes and the scales behind them.
 */

const panel = 16
const block = 32
const plane = 64
/** Blocks that share an f16 scale, where scales are nested. */
const nest = 8

interface Format {
  /** Bits of a number in the low planes and in the high ones. */
  readonly low: number
  readonly high: number
  /** What is taken from every number where there are no offsets. */
  readonly zero: number
  /** Scales of a block. */
  readonly groups: number
  readonly offsets: boolean
  readonly nested: boolean
  /** Numbers are bf16, `[32, 16]` a block, and nothing stands behind them. */
  readonly wide: boolean
}

const plain = { zero: 0, high: 0, groups: 1, offsets: false, nested: false, wide: false }
const nested = { ...plain, nested: true }

const formats = {
  Q4_0: { ...plain, low: 4, zero: 8 },
  Q4_1: { ...plain, low: 4, offsets: true },
  Q5_0: { ...plain, low: 4, high: 1, zero: 16 },
  Q5_1: { ...plain, low: 4, high: 1, offsets: true },
  Q8_0: { ...plain, low: 8, zero: 128 },
  Q2_K: { ...nested, low: 2, groups: 2, offsets: true },
  Q3_K: { ...nested, low: 2, high: 1, zero: 4, groups: 2 },
  Q4_K: { ...nested, low: 4, offsets: true },
  Q5_K: { ...nested, low: 4, high: 1, offsets: true },
  BF16: { ...plain, low: 16, wide: true },
  Q6_K: { ...nested, low: 4, high: 2, zero: 32, groups: 2 },
} as const satisfies Record<string, Format>

/** Block types of ggml that weights can be kept in, by the names that GGUF files use. */
export type QuantisedType = keyof typeof formats

/** The block types that weights can be kept in. */
export const quantisedTypes = Object.keys(formats) as readonly QuantisedType[]

/** A matrix of packed weights. */
export type QuantisedShape = {
  readonly type: QuantisedType
  /** N */
  readonly rows: number
  /** K */
  readonly columns: number
}

const planeBytes = ({ low, high }: Format): number => plane * (low + high)
const scaleBytes = ({ nested, groups, offsets, wide }: Format): number =>
  wide ? 0 : (nested ? panel : 2 * panel) * groups * (offsets ? 2 : 1)
const nestBytes = ({ nested, offsets }: Format): number => (nested ? 2 * panel * (offsets ? 2 : 1) : 0)
const blockBytes = (format: Format): number => planeBytes(format) + scaleBytes(format)

function panelBytes(format: Format, columns: number): number {
  const blocks = columns / block
  const bytes = blocks * blockBytes(format) + (blocks / nest) * nestBytes(format)
  return Math.ceil(bytes / plane) * plane
}

/** Whether a row of `columns` numbers is made of whole blocks. */
export function fitsBlocks(type: QuantisedType, columns: number): boolean {
  return columns > 0 && columns % (formats[type].nested ? nest * block : block) === 0
}

/**
 * Bytes of packed weights.
 *
 * @throws R1Error `bad-attribute` where a row is not made of whole blocks
 */
export function quantisedBytes({ type, rows, columns }: QuantisedShape): number {
  return checked('quantised weights', [], () => {
    const format = Object.hasOwn(formats, type) ? formats[type] : undefined
    if (!format || !fitsBlocks(type, columns) || !Number.isInteger(rows) || rows < 1) {
      throw attributeViolation(`${rows} rows of ${columns} numbers are not made of blocks of the type ${type}`)
    }
    return Math.ceil(rows / panel) * panelBytes(format, columns)
  })
}

/** The values of bytes that are the high bytes of f16 numbers whose low byte is 0, and what one step of the low byte adds. */
function halfTables(): readonly [readonly number[], readonly number[]] {
  const high = Array.from({ length: 256 }, (_, byte) => byte)
  const sign = (byte: number) => (byte < 128 ? 1 : -1)
  const exponent = (byte: number) => (byte >> 2) & 31
  const step = (byte: number) => sign(byte) * 2 ** (Math.max(exponent(byte), 1) - 25)
  const base = (byte: number) => step(byte) * 256 * ((byte & 3) + (exponent(byte) === 0 ? 0 : 4))
  return [high.map(base), high.map(step)]
}

const [halfBases, halfSteps] = halfTables()

/** The last axis cut into parts of these extents. */
function cut(x: Tensor, ...extents: readonly number[]): readonly Tensor[] {
  let start = 0
  return extents.map((extent) => {
    const part = slice(x, { [x.rank - 1]: { start, end: start + extent } })
    start += extent
    return part
  })
}

/** Bytes `[…, 2 n]` as f16 numbers `[…, n]`. */
function halvesOf(bytes: Tensor, dtype: DType): Tensor {
  const pairs = reshape(bytes, [...bytes.shape.slice(0, -1), -1, 2])
  const [low, high] = cut(pairs, 1, 1).map((part) => reshape(part, pairs.shape.slice(0, -1))) as [Tensor, Tensor]
  const at = cast(high, 'i32')
  const table = (values: readonly number[]) => gather(constant(values, { dtype }), at)
  return add(table(halfBases), multiply(table(halfSteps), cast(low, dtype)))
}

/** Bytes as signed whole numbers. */
function signedOf(bytes: Tensor, dtype: DType): Tensor {
  const value = cast(bytes, dtype)
  return subtract(value, multiply(floor(multiply(value, 1 / 128)), 256))
}

/** Lanes `[…, 8, 64]` of planes `[…, bits · 64]`: by quotients and remainders of floats, which every device has. */
function lanesOf(planes: Tensor, bits: number, dtype: DType): Tensor {
  const leading = planes.shape.slice(0, -1)
  const bytes = cast(reshape(planes, [...leading, bits, plane]), dtype)
  const upFrom = (bit: number) => (bit === 0 ? bytes : floor(multiply(bytes, 2 ** -bit)))
  const lane = (bit: number) => subtract(upFrom(bit), multiply(upFrom(bit + bits), 2 ** bits))
  const parts = Array.from({ length: nest / bits }, (_, index) => lane(index * bits))
  return reshape(parts.length === 1 ? (parts[0] as Tensor) : stack(parts, leading.length + 1), [...leading, 8, plane])
}

interface Scales {
  /** `[P, B, groups, 1, 16, 1]` */
  readonly scale: Tensor
  readonly offset: Tensor
}

/** Scales of all blocks, from the bytes behind the planes and those that eight blocks share. */
function scalesOf(format: Format, bytes: Tensor, shared: Tensor | undefined, dtype: DType): Scales {
  const { groups, offsets, zero } = format
  const [panels, blocks] = bytes.shape as readonly [Dimension, number]
  const spread = (x: Tensor) => reshape(x, [panels, blocks, groups, 1, panel, 1])
  const width = groups * panel * (shared ? 1 : 2)
  const [first, second] = cut(bytes, ...(offsets ? [width, width] : [width]))
  const sharedParts = shared && cut(shared, ...(offsets ? [2 * panel, 2 * panel] : [2 * panel]))
  const product = (own: Tensor, halves: Tensor) => {
    const factors = reshape(signedOf(own, dtype), [panels, blocks / nest, nest, groups, panel])
    return multiply(factors, reshape(halvesOf(halves, dtype), [panels, blocks / nest, 1, 1, panel]))
  }
  const [firstShared, secondShared] = sharedParts ?? []
  const scale = spread(firstShared ? product(first as Tensor, firstShared) : halvesOf(first as Tensor, dtype))
  if (!second) return { scale, offset: multiply(scale, -zero) }
  return { scale, offset: spread(secondShared ? negate(product(second, secondShared)) : halvesOf(second, dtype)) }
}

/** Of bf16 numbers: ± 2^(e − 127) by the high byte, which has all bits of the exponent but the last; and 2^b · (1 + m / 128) by the low one. */
function wideTables(): readonly [readonly number[], readonly number[]] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  const high = bytes.map((byte) => (byte < 128 ? 1 : -1) * ((byte & 127) === 0 ? 0 : 2 ** (2 * (byte & 127) - 127)))
  return [high, bytes.map((byte) => (byte < 128 ? 1 : 2) * (1 + (byte & 127) / 128))]
}

const [wideHighs, wideLows] = wideTables()

/** Numbers of blocks `[32, 16]` of bf16; those below 2⁻¹²⁵ as 0. */
function wideNumbers(packed: Tensor, rows: number, columns: number, dtype: DType): Tensor {
  const panels = Math.ceil(rows / panel)
  const bytes = reshape(packed, [panels, columns, panel, 2])
  const [low, high] = cut(bytes, 1, 1).map((part) => cast(reshape(part, [panels, columns, panel]), 'i32')) as [
    Tensor,
    Tensor,
  ]
  const table = (values: readonly number[], at: Tensor) => gather(constant(values, { dtype }), at)
  const numbers = multiply(table(wideHighs, high), table(wideLows, low))
  const all = reshape(transpose(numbers, [0, 2, 1]), [panels * panel, columns])
  return rows % panel === 0 ? all : slice(all, { 0: { end: rows } })
}

/**
 * Packed weights as numbers, by stock operators.
 *
 * @param packed u8 `[bytes]`
 * @returns `[N, K]` in `dtype`
 */
export function dequantise(packed: Tensor, { type, rows, columns }: QuantisedShape, dtype: DType = 'f32'): Tensor {
  const format: Format = formats[type]
  if (format.wide) return wideNumbers(packed, rows, columns, dtype)
  const [panels, blocks] = [Math.ceil(rows / panel), columns / block]
  const used = blocks * blockBytes(format) + (blocks / nest) * nestBytes(format)
  const [bytes] = cut(reshape(packed, [panels, panelBytes(format, columns)]), used) as readonly [Tensor]
  const nests = reshape(bytes, format.nested ? [panels, blocks / nest, -1] : [panels, 1, -1])
  const size = nestBytes(format)
  const [shared, rest] = cut(nests, size, Number(nests.shape[2]) - size) as readonly [Tensor, Tensor]
  const each = reshape(rest, [panels, blocks, blockBytes(format)])
  const [low, high, tail] = cut(each, plane * format.low, plane * format.high, scaleBytes(format)) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const lows = lanesOf(low, format.low, dtype)
  const numbers = format.high ? add(lows, multiply(lanesOf(high, format.high, dtype), 2 ** format.low)) : lows
  const { scale, offset } = scalesOf(format, tail, size ? shared : undefined, dtype)
  const q = reshape(numbers, [panels, blocks, format.groups, 8 / format.groups, panel, 4])
  const w = transpose(add(multiply(q, scale), offset), [0, 4, 1, 2, 3, 5])
  const all = reshape(w, [panels * panel, columns])
  return rows % panel === 0 ? all : slice(all, { 0: { end: rows } })
}
