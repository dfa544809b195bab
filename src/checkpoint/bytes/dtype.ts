/** One element type as the file formats spell it: how many bytes a block of how many elements takes. */
export interface DtypeLayout {
  /** Elements of a block; 1 for plain types. */
  readonly block: number
  /** Bytes of a block. */
  readonly bytes: number
}

const plain = (bytes: number): DtypeLayout => ({ block: 1, bytes })

/** Every element type that a checkpoint can hold. The Q types are ggml's quantised blocks. */
export const dtypeLayouts = {
  F64: plain(8),
  F32: plain(4),
  F16: plain(2),
  BF16: plain(2),
  F8_E4M3: plain(1),
  F8_E5M2: plain(1),
  I64: plain(8),
  I32: plain(4),
  I16: plain(2),
  I8: plain(1),
  U64: plain(8),
  U32: plain(4),
  U16: plain(2),
  U8: plain(1),
  BOOL: plain(1),
  Q4_0: { block: 32, bytes: 18 },
  Q4_1: { block: 32, bytes: 20 },
  Q5_0: { block: 32, bytes: 22 },
  Q5_1: { block: 32, bytes: 24 },
  Q8_0: { block: 32, bytes: 34 },
  Q2_K: { block: 256, bytes: 84 },
  Q3_K: { block: 256, bytes: 110 },
  Q4_K: { block: 256, bytes: 144 },
  Q5_K: { block: 256, bytes: 176 },
  Q6_K: { block: 256, bytes: 210 },
} as const satisfies Record<string, DtypeLayout>

/** The name of an element type, as the formats spell it. */
export type Dtype = keyof typeof dtypeLayouts

/** True for a name of an element type that this package reads. */
export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(dtypeLayouts, name)
}

/** Elements of a shape, or undefined where a dimension is no whole number or the product passes 2⁵³. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return undefined
    count *= dimension
    if (count > Number.MAX_SAFE_INTEGER) return undefined
  }
  return count
}

/** Bytes that `count` elements take, or undefined where they do not fill whole blocks. */
export function byteLengthOf(dtype: Dtype, count: number): number | undefined {
  const { block, bytes } = dtypeLayouts[dtype]
  if (count % block !== 0) return undefined
  const length = (count / block) * bytes
  return Number.isSafeInteger(length) ? length : undefined
}
