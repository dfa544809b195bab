import { describe, expect, it } from 'vitest'
import { HeaderCursor } from '../bytes/cursor.ts'
import { memorySource } from '../bytes/source.ts'
import { readTorchTensors } from './open.ts'
import { unpickle } from './pickle.ts'

const read = (bytes: Buffer) => unpickle(new HeaderCursor(bytes, bytes.length, 'test.pkl'))
const ascii = (text: string) => Buffer.from(text, 'latin1')

describe('a pickle', () => {
  it.each([
    ['a command of the system', 'cos\nsystem\n(X\u0004\u0000\u0000\u0000echoR.'],
    ['a command by another way', 'c__builtin__\neval\n.'],
    ['an object of a class', '(i__main__\nThing\n.'],
    ['an object made by its class', 'c__main__\nThing\n)\u0081.'],
    ['an extension', '\u0082\u0001.'],
    ['bytes, which no checkpoint needs', 'B\u0001\u0000\u0000\u0000a.'],
    ['an unknown instruction', '\u00ff.'],
  ])('that asks for %s is refused and runs nothing', (_, text) => {
    expect(() => read(ascii(text))).toThrow(expect.objectContaining({ code: 'unsupported-checkpoint' }))
  })

  it.each([
    ['ends too early', '\u0080\u0002'],
    ['takes from an empty stack', 't.'],
    ['takes a value that is not there', '\u0086.'],
    ['takes beyond a mark', 'K\u0001(\u0085.'],
    ['recalls what it never kept', 'h\u0005.'],
    ['has a text longer than the file', 'X\u00ff\u00ff\u00ff\u007fa.'],
    ['has a name without end', `c${'a'.repeat(300)}`],
    ['fills a number with items', 'K\u0001K\u0002K\u0003s.'],
    ['fills a number as a list', 'K\u0001K\u0002a.'],
    ['calls a number', 'K\u0001)R.'],
    ['has a key twice', '}(K\u0001K\u0001K\u0001K\u0002u.'],
    ['refers to a storage by a number', 'K\u0001Q.'],
  ])('that %s is refused', (_, text) => {
    expect(() => read(ascii(text))).toThrow(expect.objectContaining({ code: 'bad-checkpoint' }))
  })
})

describe('a file that pretends to be of torch', () => {
  it.each([
    ['an archive without its directory', 'PK\u0003\u0004and nothing more'],
    ['an archive whose directory claims too much', `PK\u0003\u0004${'PK\u0005\u0006'}${'\u00ff'.repeat(18)}`],
    ['an ordinary pickle', '\u0080\u0002}.'],
    ['nothing', ''],
  ])('but is %s is refused', async (_, text) => {
    const tensors = readTorchTensors(memorySource(ascii(text), 'test.bin'))
    await expect(tensors).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })
})
