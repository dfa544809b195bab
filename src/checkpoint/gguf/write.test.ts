import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource, readBytes } from '../bytes/source.ts'
import { exactChunks, tensorOfFloat32 } from '../writable.ts'
import { entryOfValue, type GgufEntry } from './encode.ts'
import { readGgufHeader } from './header.ts'
import type { GgufValue } from './value.ts'
import { encodeGguf } from './write.ts'

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of parts) pieces.push(piece)
  return Buffer.concat(pieces)
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 })

const scalar: fc.Arbitrary<GgufValue> = fc.oneof(
  text,
  fc.boolean(),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
  fc.array(text, { maxLength: 5 }),
  fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })).map((values) => Int32Array.from(values)),
  fc.array(fc.float({ noNaN: true })).map((values) => Float32Array.from(values)),
)

describe('a GGUF file', () => {
  it('gives back its metadata, whatever the keys and values', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(text, scalar, { maxKeys: 8 }), async (values) => {
        const entries = Object.entries(values).map(([key, value]) => entryOfValue(key, value))
        const { metadata, tensors } = await readGgufHeader(memorySource(await collect(encodeGguf(entries, []))))
        expect(tensors).toEqual([])
        expect(new Map(metadata)).toEqual(new Map(Object.entries(values)))
      }),
    )
  })

  it('gives back its tensors, whatever their names, shapes and types', async () => {
    const tensorArbitrary = fc
      .record({
        name: fc.string({ minLength: 1, maxLength: 12 }),
        dtype: fc.constantFrom('F32' as const, 'F16' as const, 'BF16' as const, 'Q8_0' as const, 'Q4_0' as const),
        outer: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
      })
      .map(({ name, dtype, outer }) => {
        const shape = [...outer, 32]
        const length = shape.reduce((product, side) => product * side, 1)
        return tensorOfFloat32(
          name,
          dtype,
          shape,
          Float32Array.from({ length }, (_, index) => Math.cos(index)),
        )
      })
    const tensorsArbitrary = fc.uniqueArray(tensorArbitrary, { selector: ({ name }) => name, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(tensorsArbitrary, async (tensors) => {
        const source = memorySource(await collect(encodeGguf([], tensors)))
        const header = await readGgufHeader(source)
        for (const tensor of tensors) {
          const { name, dtype, shape, byteLength } = tensor
          const stored = header.tensors.find((candidate) => candidate.name === name)
          expect(stored).toMatchObject({ dtype, shape, byteLength })
          const bytes = await collect(exactChunks(tensor))
          expect(bytes.equals(await readBytes(source, stored?.offset ?? 0, byteLength))).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })
})

/** A header with counts and bytes of one's choice. */
function file(tensors: bigint, entries: bigint, rest: (number | bigint | string)[], version = 3): Buffer {
  const parts = [Buffer.from('GGUF'), u32(version), u64(tensors), u64(entries)]
  for (const part of rest) {
    if (typeof part === 'string') parts.push(u64(BigInt(part.length)), Buffer.from(part))
    else parts.push(typeof part === 'bigint' ? u64(part) : u32(part))
  }
  return Buffer.concat([...parts, Buffer.alloc(64)])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

const huge = 2n ** 62n
const nested = Array.from({ length: 40 }, () => [9, 1n] as const).flat()
const entry = (key: string, value: number): GgufEntry => ({ key, type: 'U32', value })

describe('a lying GGUF file', () => {
  it.each([
    ['no magic number', Buffer.from('GGML0000000000000000000000000000')],
    ['no more than its magic number', Buffer.from('GGUF')],
    ['a huge number of tensors', file(huge, 0n, [])],
    ['a huge number of entries', file(0n, huge, [])],
    ['a huge text', file(0n, 1n, [huge])],
    ['a huge list of texts', file(0n, 1n, ['a', 9, 8, huge])],
    ['a huge list of numbers', file(0n, 1n, ['a', 9, 10, huge])],
    ['lists in lists in lists', file(0n, 1n, ['a', ...nested])],
    ['an unknown type of value', file(0n, 1n, ['a', 77])],
    ['a key twice', file(0n, 2n, ['a', 4, 1, 'a', 4, 1])],
    ['a tensor of 60 dimensions', file(1n, 0n, ['t', 60])],
    ['a tensor of absurd size', file(1n, 0n, ['t', 2, huge, huge, 0, 0n])],
    ['a tensor past the end', file(1n, 0n, ['t', 1, 1024n, 0, 0n])],
    ['an offset past the end', file(1n, 0n, ['t', 1, 1n, 0, huge])],
    ['overlapping tensors', file(2n, 0n, ['t', 1, 8n, 0, 0n, 'u', 1, 8n, 0, 0n])],
    ['a hole between tensors', file(2n, 0n, ['t', 1, 1n, 0, 0n, 'u', 1, 1n, 0, 4096n])],
    ['a tensor twice', file(2n, 0n, ['t', 1, 1n, 0, 0n, 't', 1, 1n, 0, 32n])],
    ['rows that fill no blocks', file(1n, 0n, ['t', 2, 8n, 4n, 2, 0n])],
    ['an alignment of three', file(0n, 1n, ['general.alignment', 4, 3])],
  ])('with %s is refused', async (_, bytes) => {
    await expect(readGgufHeader(memorySource(bytes))).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })

  it.each([
    ['of version 1', file(0n, 0n, [], 1)],
    ['of big-endian numbers', file(0n, 0n, [], 0x03000000)],
    ['with an unknown type of tensor', file(1n, 0n, ['t', 1, 1n, 99, 0n])],
  ])('%s is refused as unsupported', async (_, bytes) => {
    await expect(readGgufHeader(memorySource(bytes))).rejects.toMatchObject({ code: 'unsupported-checkpoint' })
  })

  it('cut anywhere is refused', async () => {
    const whole = await collect(encodeGguf([entry('a', 1)], [tensorOfFloat32('t', 'F32', [8], new Float32Array(8))]))
    for (let length = 0; length < whole.length; length += 1) {
      const read = readGgufHeader(memorySource(whole.subarray(0, length)))
      await expect(read, String(length)).rejects.toMatchObject({ code: 'bad-checkpoint' })
    }
  })
})
