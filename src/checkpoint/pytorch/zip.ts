import { type ByteSource, readBytes } from '../bytes/source.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'

/** A file in a zip archive, uncompressed. */
export interface ZipEntry {
  readonly name: string
  /** First byte of its content in the archive. */
  readonly offset: number
  readonly size: number
}

/** Largest directory of an archive that is read, in bytes: room for a million tensors. */
const directoryLimit = 2 ** 26

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

interface Directory {
  readonly offset: number
  readonly size: number
  readonly count: number
}

/** Finds the end record, which may be followed by a comment of up to 64 kB, and behind it the 64-bit one. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const start = Math.max(0, source.size - 65557)
  const tail = await readBytes(source, start, source.size - start)
  const view = viewOf(tail)
  for (let at = tail.length - 22; at >= 0; at -= 1) {
    if (view.getUint32(at, true) !== 0x06054b50) continue
    const directory = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    }
    if (at >= 20 && view.getUint32(at - 20, true) === 0x07064b50) {
      return readLargeDirectory(source, Number(view.getBigUint64(at - 12, true)))
    }
    return directory
  }
  throw badCheckpoint(source.name, 'the directory of its zip archive is missing')
}

async function readLargeDirectory(source: ByteSource, at: number): Promise<Directory> {
  const view = viewOf(await readBytes(source, at, 56))
  if (view.getUint32(0, true) !== 0x06064b50) throw badCheckpoint(source.name, 'its zip archive is damaged')
  return {
    count: Number(view.getBigUint64(32, true)),
    size: Number(view.getBigUint64(40, true)),
    offset: Number(view.getBigUint64(48, true)),
  }
}

interface Listing {
  readonly name: string
  readonly size: number
  readonly header: number
}

/** Sizes and offsets of 4 GB and more stand in an extra field, in this order. */
function largeValues(extra: DataView, values: readonly number[]): number[] {
  let at = 0
  while (at + 4 <= extra.byteLength) {
    const length = extra.getUint16(at + 2, true)
    if (extra.getUint16(at, true) === 1) {
      let next = at + 4
      return values.map((value) => {
        if (value !== 0xffffffff || next + 8 > extra.byteLength) return value
        next += 8
        return Number(extra.getBigUint64(next - 8, true))
      })
    }
    at += 4 + length
  }
  return [...values]
}

function readListings(bytes: Uint8Array, count: number, source: ByteSource): Listing[] {
  const view = viewOf(bytes)
  const listings: Listing[] = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) {
      throw badCheckpoint(source.name, 'the directory of its zip archive is damaged')
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    if (extraEnd > bytes.length) throw badCheckpoint(source.name, 'the directory of its zip archive is damaged')
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd))
    if (view.getUint16(at + 10, true) !== 0 || view.getUint16(at + 8, true) & 1) {
      throw unsupportedCheckpoint(source.name, `${name} is compressed or encrypted in it`, 'Save it with torch.save.')
    }
    const extra = viewOf(bytes.subarray(nameEnd, extraEnd))
    const short = [24, 20, 42].map((place) => view.getUint32(at + place, true))
    const [size = 0, stored = 0, header = 0] = largeValues(extra, short)
    if (size !== stored) throw badCheckpoint(source.name, `${name} has two different sizes in it`)
    listings.push({ name, size, header })
    at = extraEnd + view.getUint16(at + 32, true)
  }
  return listings
}

async function locate({ name, size, header }: Listing, source: ByteSource): Promise<ZipEntry> {
  const view = viewOf(await readBytes(source, header, 30))
  if (view.getUint32(0, true) !== 0x04034b50) throw badCheckpoint(source.name, `${name} is not where it should be`)
  const offset = header + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  if (offset + size > source.size) throw badCheckpoint(source.name, `${name} passes the end of the file`)
  return { name, offset, size }
}

/**
 * The files of a zip archive that holds them uncompressed, as torch.save writes it.
 *
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint'
 */
export async function readZipEntries(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { count, size, offset } = await findDirectory(source)
  if (size > directoryLimit || count > size / 46) throw badCheckpoint(source.name, 'its zip directory claims too much')
  const entries = new Map<string, ZipEntry>()
  for (const listing of readListings(await readBytes(source, offset, size), count, source)) {
    if (entries.has(listing.name)) throw badCheckpoint(source.name, `it holds ${listing.name} twice`)
    entries.set(listing.name, await locate(listing, source))
  }
  let end = 0
  for (const entry of [...entries.values()].sort((a, b) => a.offset - b.offset)) {
    if (entry.offset < end) throw badCheckpoint(source.name, `${entry.name} overlaps another file in it`)
    end = entry.offset + entry.size
  }
  return entries
}
