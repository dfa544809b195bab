import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect, failureOf } from '../testing/collect.ts'
import { openDocuments, openRecords } from './records.ts'

let folder: string
const fixtures = join(import.meta.dirname, 'fixtures')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-data-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}

describe('JSONL', () => {
  it('gives back what was written, with any line ends, a byte order mark, empty lines, plain or packed', async () => {
    const record = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 4 })
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 30 }),
        fc.constantFrom('\n', '\r\n', '\n\n \n'),
        fc.boolean(),
        fc.boolean(),
        async (records, end, packed, mark) => {
          const lines = records.map((fields) => JSON.stringify(fields)).join(end)
          const bytes = Buffer.from((mark ? '\ufeff' : '') + lines)
          const path = await put(`property-${run++}.jsonl${packed ? '.gz' : ''}`, packed ? gzipSync(bytes) : bytes)
          const read = await collect(await openRecords(path))
          expect(read.map(({ fields }) => fields)).toEqual(records.map((fields) => JSON.parse(JSON.stringify(fields))))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('reads lines longer than its buffer, and one record after them', async () => {
    const long = 'длинный '.repeat(200_000)
    const path = await put('long.jsonl', `{"text":"a"}\n${JSON.stringify({ text: long })}\n{"text":"b"}`)
    const documents = await collect(await openDocuments(path))
    expect(documents.map(({ text }) => text.length)).toEqual([1, long.length, 1])
    expect(documents.map(({ id }) => id)).toEqual([`${path}:1`, `${path}:2`, `${path}:3`])
  })

  it('names file, line and remedy of a broken line', async () => {
    const lines = Array.from({ length: 1000 }, (_, index) => JSON.stringify({ text: `line ${index + 1}` }))
    lines[811] = '{"text": "unfinished'
    const path = await put('broken.jsonl', lines.join('\n'))
    const error = await failureOf(async () => collect(await openRecords(path)))
    expect(error.code).toBe('bad-record')
    expect(error.message).toContain(`${path}: line 812 is not JSON`)
    expect(error.remedy).toContain('mend or delete line 812')
  })

  it.each(['[1, 2]', '3', 'null', '"text"'])('says that %s is no record', async (line) => {
    const path = await put('values.jsonl', `{}\n${line}\n`)
    expect((await failureOf(async () => collect(await openRecords(path)))).message).toContain(
      'line 2 is not a JSON object',
    )
  })

  it('names the fields that a record has when the text is not among them', async () => {
    const path = await put('fields.jsonl', '{"text":"a"}\n{"body":"b","title":"c"}\n{"text":4}\n')
    const stream = await openDocuments(path)
    await stream.next()
    expect((await failureOf(() => stream.next())).message).toContain(
      'fields.jsonl:2 has no field "text", but "body", "title"',
    )
    expect((await failureOf(() => stream.next())).message).toContain(
      'fields.jsonl:3 has a field "text" that is no text',
    )
    await stream.close()
  })
})

describe('what is wrong with a data set', () => {
  it('is said for a missing file, no match, empty files and files without records', async () => {
    const empty = await put('empty.jsonl', '')
    const blank = await put('blank.jsonl', '\n \n')
    expect((await failureOf(() => openRecords(join(folder, 'absent.jsonl')))).code).toBe('file-not-found')
    expect((await failureOf(() => openRecords('*.absent', { folder }))).code).toBe('no-data')
    expect((await failureOf(() => openRecords(empty))).code).toBe('no-data')
    expect((await failureOf(async () => collect(await openRecords(blank)))).code).toBe('no-data')
  })

  it('is said for text that is not UTF-8, with the line', async () => {
    const utf16 = await put('utf16.jsonl', Buffer.from('\ufeff{"text":"a"}\n', 'utf16le'))
    const gb = await put('gb.jsonl', Buffer.from([0x7b, 0x7d, 0x0a, 0x7b, 0x22, 0xce, 0xc4, 0x22, 0x7d]))
    const first = await failureOf(async () => collect(await openRecords(utf16)))
    expect(first.code).toBe('bad-encoding')
    expect(first.message).toContain('iconv -f UTF-16 -t UTF-8')
    expect((await failureOf(async () => collect(await openRecords(gb)))).message).toContain('line 2 is not UTF-8')
  })

  it('is said for a packed file that is cut short', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => JSON.stringify({ text: String(index * 7919) })).join('\n')
    const packed = gzipSync(lines)
    const path = await put('cut.jsonl.gz', packed.subarray(0, packed.length / 2))
    expect((await failureOf(async () => collect(await openRecords(path)))).code).toBe('bad-data')
  })

  it('is said for a file whose kind is unknown, unless it is named', async () => {
    const path = await put('unknown.data', '{"text":"a"}')
    expect((await failureOf(() => openRecords(path))).code).toBe('unknown-format')
    expect(await collect(await openRecords(path, { format: 'jsonl' }))).toHaveLength(1)
  })
})

describe('text', () => {
  const content = '\nfirst line\nsecond line\r\n\n\n  third\n\n'

  it.each([
    ['file', ['first line\nsecond line\n\n\n  third']],
    ['paragraph', ['first line\nsecond line', '  third']],
    ['line', ['first line', 'second line', '  third']],
  ] as const)('is one document a %s', async (unit, texts) => {
    const path = await put('plain.txt', content)
    expect((await collect(await openDocuments(path, { unit }))).map(({ text }) => text)).toEqual(texts)
  })
})

describe('Parquet', () => {
  it.each(['snappy', 'zstd', 'gzip', 'none'])('reads all rows of files packed with %s', async (compression) => {
    const records = await collect(await openRecords(join(fixtures, `rows-${compression}.parquet`)))
    expect(records).toHaveLength(10)
    expect(records[4]?.fields).toEqual({
      text: 'Row 4: 文字 text',
      number: 4,
      score: 1,
      when: '2024-01-05T00:00:00.000Z',
      messages: [
        { role: 'user', content: '4?' },
        { role: 'assistant', content: '4!' },
      ],
    })
    expect(records[5]?.fields.number).toBe('36028797018963968')
  })

  it('says that a damaged file is damaged', async () => {
    for (const content of ['', 'PAR1', 'PAR1 nothing sound PAR1', '{"text":"a"}\n'.repeat(20)]) {
      const path = await put('damaged.parquet', content)
      expect(['bad-data', 'no-data']).toContain((await failureOf(async () => collect(await openRecords(path)))).code)
    }
  })
})

describe('folders and patterns', () => {
  it('gives the known files below a folder by name, each once', async () => {
    await put('tree/b.jsonl', '{"text":"b"}')
    await put('tree/a/z.txt', 'z')
    await put('tree/a/picture.png', 'no text')
    const read = async (places: string | string[]) =>
      (await collect(await openDocuments(places))).map(({ text }) => text)
    expect(await read(join(folder, 'tree'))).toEqual(['z', 'b'])
    expect(await read([join(folder, 'tree/*.jsonl'), join(folder, 'tree')])).toEqual(['b', 'z'])
    const inside = await openDocuments('**/*.txt', { folder: join(folder, 'tree') })
    expect((await collect(inside)).map(({ id }) => id)).toEqual([join(folder, 'tree/a/z.txt:1')])
  })
})

describe('the state of a stream', () => {
  it('leads to the identical next record, in every format', async () => {
    const lines = Array.from({ length: 40 }, (_, index) =>
      JSON.stringify({ text: `line ${index} ${'文'.repeat(index)}` }),
    )
    const places = [
      await put('state/1.jsonl', lines.join('\n')),
      await put('state/2.jsonl', ''),
      await put('state/3.jsonl.gz', gzipSync(lines.join('\r\n'))),
      await put('state/4.txt', 'one\n\ntwo\nthree\n\nfour'),
      join(fixtures, 'rows-snappy.parquet'),
    ]
    const whole = await collect(await openRecords(places, { unit: 'paragraph' }))
    expect(whole).toHaveLength(40 + 40 + 3 + 10)
    const first = await openRecords(places, { unit: 'paragraph' })
    for (let index = 0; index <= whole.length; index++) {
      const second = await openRecords(places, { unit: 'paragraph' })
      await second.restore(JSON.parse(JSON.stringify(first.state())))
      expect(await second.next()).toEqual(whole[index])
      await second.close()
      await first.next()
    }
  })

  it('is refused when the files have changed', async () => {
    const path = await put('changing.jsonl', '{"text":"a"}\n{"text":"b"}\n')
    const stream = await openRecords(path)
    await stream.next()
    const state = stream.state()
    await stream.close()
    await put('changing.jsonl', '{"text":"other"}\n{"text":"b"}\n')
    expect((await failureOf(async () => (await openRecords(path)).restore(state))).code).toBe('data-changed')
    expect((await failureOf(async () => (await openRecords(path)).restore([1]))).code).toBe('bad-state')
  })
})
