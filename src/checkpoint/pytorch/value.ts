import type { Dtype } from '../bytes/dtype.ts'

/** A storage of numbers that lies outside the pickle, by its key. */
export class Storage {
  readonly dtype: Dtype
  readonly key: string
  readonly elements: number

  constructor(dtype: Dtype, key: string, elements: number) {
    this.dtype = dtype
    this.key = key
    this.elements = elements
  }
}

/** A tensor as a window on a storage: offset and strides count elements. */
export class TensorView {
  readonly storage: Storage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

/** A name of Python's that the pickle mentions; only known ones are ever made. */
export class Global {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** A Python tuple. */
export class Tuple {
  readonly items: readonly PickleValue[]

  constructor(items: readonly PickleValue[]) {
    this.items = items
  }
}

/** A Python list or set of values. */
export class List {
  readonly items: PickleValue[] = []
}

/** A Python dict, ordered. */
export class Dict {
  readonly entries = new Map<PickleValue, PickleValue>()
}

/** Everything a checkpoint's pickle can hold. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Storage
  | TensorView
  | Global
  | Tuple
  | List
  | Dict
