import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventData } from './events.ts'

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

async function dataOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const found: string[] = []
  for await (const data of eventData(streamOf(chunks))) found.push(data)
  return found
}

describe('server-sent events', () => {
  it('come out whole wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 7 }),
        async (texts, newline, size) => {
          const data = texts.map((text) => JSON.stringify(text))
          const bytes = new TextEncoder().encode(data.map((line) => `data: ${line}${newline}${newline}`).join(''))
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
            bytes.slice(index * size, (index + 1) * size),
          )
          expect(await dataOf(chunks)).toEqual(data)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('leave comments and other fields aside, and join lines of data', async () => {
    const bytes = new TextEncoder().encode(': hello\nevent: x\ndata: one\ndata:two\n\nid: 4\n\n')
    expect(await dataOf([bytes])).toEqual(['one\ntwo'])
  })
})
