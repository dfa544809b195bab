import type { HeaderCursor } from '../bytes/cursor.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'
import { call, makeGlobal, makeStorage } from './globals.ts'
import { Dict, List, type PickleValue, Tuple } from './value.ts'

/**
 * A reader of the part of Python's pickle format that torch.save writes. It runs nothing: of the format's instructions
 * only those that build plain data are known, and of Python's names only those in globals.ts.
 */
class Unpickler {
  readonly #cursor: HeaderCursor
  readonly #file: string
  readonly #stack: PickleValue[] = []
  readonly #marks: number[] = []
  readonly #memo = new Map<number, PickleValue>()

  constructor(cursor: HeaderCursor) {
    this.#cursor = cursor
    this.#file = cursor.file
  }

  /** Runs up to the STOP instruction. */
  run(): PickleValue {
    for (;;) {
      const code = this.#cursor.u8()
      if (code === 0x2e) return this.#pop()
      const instruction = instructions.get(code)
      if (!instruction) {
        const what = `its pickle has the instruction 0x${code.toString(16).padStart(2, '0')}`
        throw unsupportedCheckpoint(this.#file, what, 'Use the safetensors files of the same model.')
      }
      instruction(this)
    }
  }

  get cursor(): HeaderCursor {
    return this.#cursor
  }

  get file(): string {
    return this.#file
  }

  fail(found: string): never {
    throw badCheckpoint(this.#file, `its pickle ${found}`)
  }

  push(value: PickleValue): void {
    this.#stack.push(value)
  }

  #pop(): PickleValue {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined
    return value === undefined ? this.fail('takes a value that is not there') : value
  }

  pop(): PickleValue {
    return this.#pop()
  }

  /** The last `count` values, taken off. */
  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse()
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
  }

  /** The values since the last mark, taken off. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop()
    return mark === undefined ? this.fail('lacks a mark') : this.#stack.splice(mark)
  }

  top(): PickleValue {
    return this.#stack.at(-1) ?? null
  }

  remember(index: number): void {
    this.#memo.set(index, this.top())
  }

  rememberNext(): void {
    this.remember(this.#memo.size)
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    this.push(value === undefined ? this.fail('recalls what it never kept') : value)
  }

  text(length: number): string {
    if (length > this.#cursor.remaining) this.fail('has a text that passes the end')
    return decoder.decode(this.#cursor.copy(length))
  }

  line(): string {
    const bytes: number[] = []
    for (let byte = this.#cursor.u8(); byte !== 10; byte = this.#cursor.u8()) {
      if (bytes.length >= 256) this.fail('has a name without an end')
      bytes.push(byte)
    }
    return String.fromCharCode(...bytes)
  }

  addItems(items: readonly PickleValue[]): void {
    const dict = this.top()
    if (!(dict instanceof Dict) || items.length % 2 !== 0) this.fail('fills what is no dict')
    else for (let index = 0; index < items.length; index += 2) this.#setItem(dict, items[index], items[index + 1])
  }

  #setItem(dict: Dict, key: PickleValue | undefined, value: PickleValue | undefined): void {
    if (key === undefined || value === undefined) return
    if (dict.entries.has(key)) this.fail(`has the key ${JSON.stringify(String(key)).slice(0, 80)} twice`)
    dict.entries.set(key, value)
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top()
    if (!(list instanceof List)) this.fail('fills what is no list')
    else for (const item of items) list.items.push(item)
  }

  /** A whole number of up to 255 bytes, little-endian, two's complement. */
  long(): PickleValue {
    const bytes = this.#cursor.copy(this.#cursor.u8())
    let value = 0n
    for (let index = bytes.length - 1; index >= 0; index -= 1) value = (value << 8n) | BigInt(bytes[index] as number)
    const signed = BigInt.asIntN(bytes.length * 8, value)
    const number = Number(signed)
    return Number.isSafeInteger(number) ? number : signed
  }

  /** A 64-bit float, big-endian. */
  float(): number {
    return new DataView(this.#cursor.copy(8).buffer).getFloat64(0, false)
  }
}

const decoder = new TextDecoder('utf-8')

type Instruction = (machine: Unpickler) => void

const instructions: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  [0x80, (machine) => void machine.cursor.u8()], // PROTO
  [0x95, (machine) => void machine.cursor.u64()], // FRAME
  [0x28, (machine) => machine.mark()], // MARK
  [0x4e, (machine) => machine.push(null)], // NONE
  [0x88, (machine) => machine.push(true)], // NEWTRUE
  [0x89, (machine) => machine.push(false)], // NEWFALSE
  [0x4a, (machine) => machine.push(machine.cursor.i32())], // BININT
  [0x4b, (machine) => machine.push(machine.cursor.u8())], // BININT1
  [0x4d, (machine) => machine.push(machine.cursor.u16())], // BININT2
  [0x8a, (machine) => machine.push(machine.long())], // LONG1
  [0x47, (machine) => machine.push(machine.float())], // BINFLOAT
  [0x58, (machine) => machine.push(machine.text(machine.cursor.u32()))], // BINUNICODE
  [0x8c, (machine) => machine.push(machine.text(machine.cursor.u8()))], // SHORT_BINUNICODE
  [0x55, (machine) => machine.push(machine.text(machine.cursor.u8()))], // SHORT_BINSTRING
  [0x7d, (machine) => machine.push(new Dict())], // EMPTY_DICT
  [0x5d, (machine) => machine.push(new List())], // EMPTY_LIST
  [0x29, (machine) => machine.push(new Tuple([]))], // EMPTY_TUPLE
  [0x85, (machine) => machine.push(new Tuple(machine.popMany(1)))], // TUPLE1
  [0x86, (machine) => machine.push(new Tuple(machine.popMany(2)))], // TUPLE2
  [0x87, (machine) => machine.push(new Tuple(machine.popMany(3)))], // TUPLE3
  [0x74, (machine) => machine.push(new Tuple(machine.popToMark()))], // TUPLE
  [0x61, (machine) => machine.append(machine.popMany(1))], // APPEND
  [0x65, (machine) => machine.append(machine.popToMark())], // APPENDS
  [0x73, (machine) => machine.addItems(machine.popMany(2))], // SETITEM
  [0x75, (machine) => machine.addItems(machine.popToMark())], // SETITEMS
  [0x71, (machine) => machine.remember(machine.cursor.u8())], // BINPUT
  [0x72, (machine) => machine.remember(machine.cursor.u32())], // LONG_BINPUT
  [0x94, (machine) => machine.rememberNext()], // MEMOIZE
  [0x68, (machine) => machine.recall(machine.cursor.u8())], // BINGET
  [0x6a, (machine) => machine.recall(machine.cursor.u32())], // LONG_BINGET
  [0x63, (machine) => machine.push(makeGlobal(`${machine.line()}.${machine.line()}`, machine.file))], // GLOBAL
  [
    0x93, // STACK_GLOBAL
    (machine) => {
      const [module, name] = machine.popMany(2)
      machine.push(makeGlobal(`${String(module)}.${String(name)}`, machine.file))
    },
  ],
  [0x51, (machine) => machine.push(makeStorage(machine.pop(), machine.file))], // BINPERSID
  [
    0x52, // REDUCE
    (machine) => {
      const argument = machine.pop()
      machine.push(call(machine.pop(), argument, machine.file))
    },
  ],
  [0x62, (machine) => void machine.pop()], // BUILD: attributes of a dict, such as versions of modules; not needed
])

/**
 * Reads one pickle and leaves the cursor behind it.
 *
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint' for whatever tensors do not need
 */
export function unpickle(cursor: HeaderCursor): PickleValue {
  return new Unpickler(cursor).run()
}
