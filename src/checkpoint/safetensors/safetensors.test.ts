import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Dtype, dtypeLayouts } from '../bytes/dtype.ts'
import { memorySource, readBytes } from '../bytes/source.ts'
import { openCheckpoint } from '../open.ts'
import { tensorOfBytes, tensorOfFloat32 } from '../writable.ts'
import { readSafetensorsHeader } from './header.ts'
import { encodeSafetensors, writeSafetensors, writeSafetensorsFolder } from './write.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

const plainDtypes = (Object.keys(dtypeLayouts) as Dtype[]).filter((dtype) => dtypeLayouts[dtype].block === 1)

/** Names that no tensor can have: one has a meaning of its own, the other is a trap for careless readers. */
const reserved = ['__metadata__', '__proto__']

const tensorArbitrary = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((name) => !reserved.includes(name)),
    dtype: fc.constantFrom(...plainDtypes),
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    seed: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ name, dtype, shape, seed }) => {
    const length = shape.reduce((product, side) => product * side, 1) * dtypeLayouts[dtype].bytes
    return tensorOfBytes(
      name,
      dtype,
      shape,
      Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 255),
    )
  })

/** A file with this header and this many bytes of data. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = Buffer.alloc(8 + text.length + dataBytes)
  bytes.writeBigUInt64LE(BigInt(text.length))
  text.copy(bytes, 8)
  return bytes
}

const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets })

describe('safetensors', () => {
  it('are known by their content, also where the length of the header begins like another format', async () => {
    const path = join(folder, 'any.name')
    for (const length of [0x80, 0x4b50]) {
      const header = JSON.stringify({ __metadata__: { note: '' } })
      const padded = header.replace('""', `"${' '.repeat(length - header.length)}"`)
      await writeFile(path, file(padded, 0))
      await using checkpoint = await openCheckpoint(path)
      expect(checkpoint.format).toBe('safetensors')
    }
  })

  it('come back as they were written, whatever the names, types and shapes', async () => {
    const tensorsArbitrary = fc.uniqueArray(tensorArbitrary, { selector: (tensor) => tensor.name, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(tensorsArbitrary, async (tensors) => {
        const chunks: Uint8Array[] = []
        for await (const chunk of encodeSafetensors(tensors)) chunks.push(chunk)
        const source = memorySource(Buffer.concat(chunks))
        const header = await readSafetensorsHeader(source)
        expect(header.metadata.get('format')).toBe('pt')
        expect(header.tensors.length).toBe(tensors.length)
        for (const { name, dtype, shape, byteLength, chunks } of tensors) {
          const stored = header.tensors.find((tensor) => tensor.name === name)
          expect(stored).toMatchObject({ dtype, shape, byteLength })
          const [bytes] = chunks() as Uint8Array[]
          expect(await readBytes(source, stored?.offset ?? 0, byteLength)).toEqual(bytes)
        }
      }),
    )
  })

  it('never get a tensor under a reserved name', async () => {
    for (const name of reserved) {
      const written = encodeSafetensors([tensorOfBytes(name, 'U8', [1], new Uint8Array(1))])[Symbol.asyncIterator]()
      await expect(written.next()).rejects.toMatchObject({ code: 'bad-option' })
    }
  })

  it('are split into shards of at most the size asked for, and read through their index', async () => {
    const target = join(folder, 'sharded')
    const values = (length: number) => Float32Array.from({ length }, (_, index) => index / 3)
    const tensors = [10, 20, 30, 5, 50].map((length, index) =>
      tensorOfFloat32(`t${index}`, 'F32', [length], values(length)),
    )
    const names = await writeSafetensorsFolder(target, tensors, { maxShardBytes: 200 })
    expect(names).toEqual([
      'model-00001-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00003-of-00003.safetensors',
      'model.safetensors.index.json',
    ])
    await using checkpoint = await openCheckpoint(target)
    for (const [index, length] of [10, 20, 30, 5, 50].entries()) {
      expect(await checkpoint.readFloat32(`t${index}`)).toEqual(values(length))
    }
    await writeSafetensorsFolder(target, tensors)
    expect(await readdir(target)).toEqual(['model.safetensors'])
  })

  it('are converted to f32 from every type of number', async () => {
    const path = join(folder, 'numbers.safetensors')
    const view = (numbers: ArrayBufferView) => new Uint8Array(numbers.buffer)
    await writeSafetensors(path, [
      tensorOfBytes('I64', 'I64', [2], view(BigInt64Array.of(-3n, 2n ** 40n))),
      tensorOfBytes('I8', 'I8', [2], view(Int8Array.of(-3, 7))),
      tensorOfBytes('BOOL', 'BOOL', [2], Uint8Array.of(1, 0)),
      tensorOfBytes('F64', 'F64', [1], view(Float64Array.of(0.1))),
      tensorOfBytes('F8_E4M3', 'F8_E4M3', [1], Uint8Array.of(0xc0)),
      tensorOfFloat32('F16', 'F16', [2], Float32Array.of(1.5, -65504)),
      tensorOfFloat32('BF16', 'BF16', [1], Float32Array.of(-2.5)),
    ])
    await using checkpoint = await openCheckpoint(path)
    expect(await checkpoint.readFloat32('I64')).toEqual(Float32Array.of(-3, 2 ** 40))
    expect(await checkpoint.readFloat32('I8')).toEqual(Float32Array.of(-3, 7))
    expect(await checkpoint.readFloat32('BOOL')).toEqual(Float32Array.of(1, 0))
    expect(await checkpoint.readFloat32('F64')).toEqual(Float32Array.of(0.1))
    expect(await checkpoint.readFloat32('F8_E4M3')).toEqual(Float32Array.of(-2))
    expect(await checkpoint.readFloat32('F16')).toEqual(Float32Array.of(1.5, -65504))
    expect(await checkpoint.readFloat32('BF16')).toEqual(Float32Array.of(-2.5))
  })

  it('of FP8 checkpoints have the scale of their block applied', async () => {
    const target = join(folder, 'fp8')
    await writeSafetensorsFolder(target, [
      tensorOfBytes('w.weight', 'F8_E4M3', [3, 4], new Uint8Array(12).fill(0x38)), // 1.0
      tensorOfFloat32('w.weight_scale_inv', 'F32', [2, 2], Float32Array.of(1, 2, 3, 4)),
    ])
    const quantization = { quant_method: 'fp8', weight_block_size: [2, 2] }
    await writeFile(join(target, 'config.json'), JSON.stringify({ quantization_config: quantization }))
    await using checkpoint = await openCheckpoint(target)
    expect([...(await checkpoint.readFloat32('w.weight'))]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4])
  })
})

describe('a lying safetensors file', () => {
  it.each([
    ['a header longer than the file', Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 123, 125])],
    ['too few bytes', Buffer.from([1, 2])],
    ['a header that is no object', file('[]', 0)],
    ['a header that is no JSON', file('{"a":', 0)],
    ['deep nesting', file(`{"a":${'['.repeat(5000)}`, 0)],
    ['a key twice', file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}', 0)],
    ['a key that reaches the prototype', file('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0)],
    ['offsets past the end', file({ a: entry('U8', [9], [0, 9]) }, 8)],
    ['offsets that go backwards', file({ a: entry('U8', [4], [8, 4]) }, 8)],
    ['negative offsets', file({ a: entry('U8', [4], [-4, 0]) }, 8)],
    ['offsets that are no numbers', file({ a: entry('U8', [4], ['0', '4']) }, 4)],
    ['an absurd shape', file({ a: entry('F32', [2 ** 40, 2 ** 40], [0, 8]) }, 8)],
    ['a negative dimension', file({ a: entry('F32', [-2], [0, 8]) }, 8)],
    ['a shape that does not fit its bytes', file({ a: entry('F32', [3], [0, 8]) }, 8)],
    ['overlapping tensors', file({ a: entry('U8', [6], [0, 6]), b: entry('U8', [4], [4, 8]) }, 8)],
    ['a hole', file({ a: entry('U8', [2], [0, 2]), b: entry('U8', [4], [4, 8]) }, 8)],
    ['bytes at the end', file({ a: entry('U8', [2], [0, 2]) }, 8)],
    ['an entry that is no object', file({ a: 3 }, 0)],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }, 0)],
  ])('with %s is refused', async (_, bytes) => {
    await expect(readSafetensorsHeader(memorySource(bytes))).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })

  it('with an unknown dtype is refused as unsupported', async () => {
    for (const dtype of ['F3', 'Q4_0', 'toString', null]) {
      const read = readSafetensorsHeader(memorySource(file({ a: entry(dtype, [0], [0, 0]) }, 0)))
      await expect(read).rejects.toMatchObject({ code: 'unsupported-checkpoint' })
    }
  })

  it('that became shorter after it was opened gives an error, not zeros', async () => {
    const path = join(folder, 'shrinks.safetensors')
    await writeSafetensors(path, [tensorOfFloat32('a', 'F32', [100], new Float32Array(100))])
    await using checkpoint = await openCheckpoint(path)
    await writeFile(path, 'short')
    await expect(checkpoint.read('a')).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})

describe('a lying shard index', () => {
  const write = async (name: string, map: unknown) => {
    const target = await mkdtemp(join(folder, name))
    await writeSafetensors(join(target, 'a.safetensors'), [tensorOfBytes('a', 'U8', [1], Uint8Array.of(1))])
    await writeFile(join(target, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
    return target
  }

  it.each(['../a.safetensors', '/etc/passwd', 'sub/a.safetensors', '..', 'a\0', 'C:\\a', ''])(
    'that names the file %j is refused',
    async (name) => {
      await expect(openCheckpoint(await write('names', { a: name }))).rejects.toMatchObject({ code: 'unsafe-path' })
    },
  )

  it('that reaches outside by a link is refused', async () => {
    const target = await write('links', { a: 'link.safetensors' })
    const outside = join(folder, 'outside.safetensors')
    await writeSafetensors(outside, [tensorOfBytes('a', 'U8', [1], Uint8Array.of(1))])
    await symlink(outside, join(target, 'link.safetensors'))
    await expect(openCheckpoint(target)).rejects.toMatchObject({ code: 'unsafe-path' })
  })

  it('that misplaces tensors is refused', async () => {
    for (const map of [{ a: 'a.safetensors', b: 'a.safetensors' }, { b: 'a.safetensors' }, { a: 1 }, [], undefined]) {
      await expect(openCheckpoint(await write('places', map))).rejects.toMatchObject({ code: 'bad-checkpoint' })
    }
    const absent = openCheckpoint(await write('absent', { a: 'b.safetensors' }))
    await expect(absent).rejects.toMatchObject({ code: 'file-not-found' })
  })
})
