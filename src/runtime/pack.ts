import { R1Error } from '../errors.ts'
import { type QuantisedShape, quantisedBytes } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { kernelLibrary } from './kernels.ts'
import { addressOf } from './ort/address.ts'
import { koffi } from './ort/ffi.ts'
import type { Address } from './ort/functions.ts'

type Parameters = readonly [
  type: string,
  floats: number,
  source: Address,
  sourceBytes: number,
  rows: number,
  columns: number,
  first: number,
  count: number,
  target: Address,
  targetBytes: number,
]

interface Packer {
  async(...parameters: [...Parameters, (error: Error | null, code: number) => void]): void
}

/** What the native function answers, beside 0. */
const faults = ['', 'the type is unknown', 'the shape does not fit', 'a length does not fit', 'f32 is not taken']

let known: Packer | undefined

function packer(path: string): Packer {
  known ??= koffi
    .load(path)
    .func(
      'int r1_quantised_pack(const char *type, int floats, const void *source, int64_t source_bytes, int64_t rows, ' +
        'int64_t columns, int64_t first, int64_t count, void *target, int64_t target_bytes)',
    ) as unknown as Packer
  return known
}

/** Whether weights can be kept in packed blocks here: the native kernels pack and multiply them. */
export function canPack(): boolean {
  return kernelLibrary().operators.has('MatMulQuantised')
}

/** Rows of a matrix as a checkpoint has them. */
export interface SourceRows {
  /** GGUF blocks of the type, or f32 numbers that are quantised here; in memory that does not move. */
  readonly bytes: Uint8Array
  readonly floats: boolean
  /** The first of these rows, a multiple of 16; so is their number, unless the matrix ends with them. */
  readonly first: number
  readonly count: number
  /** Which matrix of a stack they belong to; the first without it. */
  readonly matrix?: number
}

/**
 * Memory for one packed matrix, or for a stack of several.
 *
 * @throws R1Error `bad-attribute` where its rows are not made of whole blocks
 */
export function packedArray(shape: QuantisedShape, matrices = 1): NDArray<'u8'> {
  return NDArray.zeros([matrices * quantisedBytes(shape)], 'u8')
}

/**
 * Packs rows of a matrix on another thread.
 *
 * @param target of `packedArray`
 * @throws R1Error `pack-failed` for a source that does not fit
 */
export async function packRows(target: NDArray<'u8'>, shape: QuantisedShape, source: SourceRows): Promise<void> {
  const { path } = kernelLibrary()
  if (path === undefined)
    throw new R1Error('no-kernels', 'Weights are packed by the native kernels, which are not here.')
  const { type, rows, columns } = shape
  const { bytes, floats, first, count, matrix = 0 } = source
  const size = quantisedBytes(shape)
  const memory = target.bytes.subarray(matrix * size, (matrix + 1) * size)
  target.hold('write')
  try {
    const code = await new Promise<number>((resolve, reject) => {
      packer(path).async(
        type,
        floats ? 1 : 0,
        addressOf(bytes),
        bytes.byteLength,
        rows,
        columns,
        first,
        count,
        addressOf(memory),
        memory.byteLength,
        (error, result) => (error ? reject(error) : resolve(result)),
      )
    })
    if (code === 0) return
    throw new R1Error('pack-failed', `A matrix ${type} [${rows}, ${columns}] cannot be packed: ${faults[code]}.`)
  } finally {
    target.letGo()
  }
}
