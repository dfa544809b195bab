import { closeSync, openSync, readSync, statSync } from 'node:fs'

/** ELF's numbers of the processors Node runs on. */
const elfMachines: Readonly<Record<string, number>> = { x64: 62, arm64: 183, arm: 40, ia32: 3, riscv64: 243, s390x: 22 }

function read(path: string, length: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(length)
    return head.subarray(0, readSync(file, head, 0, length, 0))
  } finally {
    closeSync(file)
  }
}

function elfFault(head: Buffer, size: number): string | undefined {
  const machine = head.readUInt16LE(18)
  const expected = elfMachines[process.arch]
  if (expected !== undefined && machine !== expected) return `is built for another processor (ELF machine ${machine})`
  const offset = Number(head.readBigUInt64LE(32))
  const [entrySize, count] = [head.readUInt16LE(54), head.readUInt16LE(56)]
  for (let index = 0; index < count; index++) {
    const entry = offset + index * entrySize
    if (entry + 40 > head.length) return 'is damaged: its program headers are out of reach'
    const end = head.readBigUInt64LE(entry + 8) + head.readBigUInt64LE(entry + 32)
    if (end > size) return `is cut off: ${size} bytes of ${end}`
  }
  return undefined
}

/**
 * Says what is wrong with a shared library before the loader maps it, in words that follow its name; undefined when nothing is.
 *
 * The loader of Linux maps a cut-off file without a word, and the process dies by SIGBUS when the missing part is touched;
 * macOS and Windows check that themselves.
 */
export function libraryFault(path: string): string | undefined {
  try {
    const information = statSync(path)
    if (!information.isFile()) return 'is not a file'
    if (process.platform !== 'linux') return undefined
    const head = read(path, 4096)
    if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return 'is not a shared library'
    if (head[4] !== 2 || head[5] !== 1) return 'is not a 64-bit little-endian library'
    return elfFault(head, information.size)
  } catch (error) {
    return `cannot be read (${error instanceof Error ? error.message : error})`
  }
}
