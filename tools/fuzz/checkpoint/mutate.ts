import type { Random } from './random.ts'

/** Numbers at the edges of what fields can hold. */
const edges = [0n, 1n, 2n, 7n, 31n, 32n, 255n, 65535n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n]
const allEdges = [...edges, 2n ** 53n - 1n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]

/** What lies in wait for readers of text formats. */
const phrases = [
  '"__proto__":',
  '"constructor":{"prototype":{}},',
  '1e999',
  '-1',
  '9007199254740993',
  '0.5',
  'null',
  '[[[[[[[[',
  '{"a":'.repeat(200),
  '"../../etc/passwd"',
  '\\u0000',
  '\\ud800',
  '{% for a in range(99999999) %}{% endfor %}',
  '{{ "x" * 99999999 }}',
  '(a+)+$',
  'NaN',
]

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer

const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes
}

const setByte: Mutation = (bytes, random) => {
  bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}

const setNumber: Mutation = (bytes, random) => {
  const size = random.pick([1, 2, 4, 8])
  if (bytes.length < size) return bytes
  const at = random.below(bytes.length - size + 1)
  const value = BigInt.asUintN(size * 8, random.pick(allEdges))
  for (let index = 0; index < size; index += 1) bytes[at + index] = Number((value >> BigInt(8 * index)) & 255n)
  return bytes
}

const cut: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length))

const remove: Mutation = (bytes, random) => {
  const at = random.below(bytes.length)
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(32))])
}

const repeat: Mutation = (bytes, random) => {
  const at = random.below(bytes.length)
  const piece = bytes.subarray(at, at + 1 + random.below(64))
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: 1 + random.below(8) }, () => piece),
    bytes.subarray(at),
  ])
}

const splice: Mutation = (bytes, random, other) => {
  const [at, from] = [random.below(bytes.length), random.below(other.length)]
  const piece = other.subarray(from, from + random.below(256))
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + random.below(256))])
}

const insertPhrase: Mutation = (bytes, random) => {
  const at = random.below(bytes.length)
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(phrases)), bytes.subarray(at)])
}

/** Replaces one of the numbers that the text holds. */
const replaceNumber: Mutation = (bytes, random) => {
  const digits = [...bytes.toString('latin1').matchAll(/\d+/g)]
  const found = digits[random.below(digits.length)]
  if (!found) return bytes
  const end = found.index + found[0].length
  const value = random.pick(['-1', '1e999', '0.5', '"7"', 'null', ...allEdges.map(String)])
  return Buffer.concat([bytes.subarray(0, found.index), Buffer.from(value), bytes.subarray(end)])
}

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  setNumber,
  setNumber,
  cut,
  remove,
  repeat,
  splice,
  insertPhrase,
  replaceNumber,
]

/** Corrects the length in front of a safetensors header, so that a changed header is read at all. */
export function repairHeaderLength(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf('}}')
  if (end > 8 && bytes.length >= 8) bytes.writeBigUInt64LE(BigInt(end + 2 - 8), 0)
  return bytes
}

/** A seed changed one to four times. */
export function mutate(
  seed: Uint8Array,
  other: Uint8Array,
  random: Random,
  repair?: (bytes: Buffer) => Buffer,
): Buffer {
  let bytes = Buffer.from(seed)
  for (let count = 1 + random.below(4); count > 0 && bytes.length > 0; count -= 1) {
    bytes = Buffer.from(random.pick(mutations)(bytes, random, Buffer.from(other)))
  }
  return repair && random.below(2) === 0 ? repair(bytes) : bytes
}
