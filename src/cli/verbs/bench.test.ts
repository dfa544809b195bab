import { type Command, Option } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { R1Error } from '../../errors.ts'
import type { Benchmark } from '../bench/benchmark.ts'
import { bench } from './bench.ts'

interface Row {
  size: number
  rate: number
}

const copying: Benchmark<{ size: number }, Row[]> = {
  name: 'copying',
  summary: 'Copies bytes.',
  options: [new Option('--size <bytes>', 'bytes to copy').default(8).argParser(Number)],
  async run({ size }, { signal, progress }) {
    if (size < 0) throw new R1Error('bad-option', 'A size is not negative.')
    progress(`copying ${size}`)
    signal.throwIfAborted()
    return [{ size, rate: 2 }]
  },
  format: (rows) => rows.map(({ size, rate }) => `${size} bytes: ${rate}`).join('\n'),
}

async function run(...words: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const verb: Command = bench([copying])
  await verb.parseAsync(words, { from: 'user' })
  return write.mock.calls.map(([text]) => text).join('')
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('r1 bench', () => {
  it('prints what was measured as text, with the default options', async () => {
    expect(await run('copying')).toBe('8 bytes: 2\n')
  })

  it('prints the rows as JSON, with the given options', async () => {
    expect(JSON.parse(await run('copying', '--json', '--size', '16'))).toEqual([{ size: 16, rate: 2 }])
  })

  it('passes on what a benchmark throws', async () => {
    await expect(run('copying', '--size', '-1')).rejects.toThrow('A size is not negative.')
  })

  it('leaves no listener for Ctrl+C behind', async () => {
    const before = process.listenerCount('SIGINT')
    await run('copying')
    expect(process.listenerCount('SIGINT')).toBe(before)
  })
})
