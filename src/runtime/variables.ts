import { R1Error } from '../errors.ts'
import { encodeValues } from '../tensor/encode.ts'
import {
  type Initializer,
  initializerOf,
  randomNormal,
  randomUniform,
  streamKey,
  type Tensor,
} from '../tensor/index.ts'
import { NDArray } from './array.ts'
import type { Device } from './device.ts'
import { copyTo } from './transfer.ts'

/**
 * Values of variables by name: parameters, moments, caches. Missing ones are made by their initialiser; every variable has
 * its own stream of random numbers, so values depend on the seed and the name alone.
 */
export class Variables {
  readonly seed: number
  readonly device: Device
  private readonly arrays = new Map<string, NDArray>()

  constructor(seed = 0, device: Device = 'cpu') {
    this.seed = seed
    this.device = device
  }

  get names(): readonly string[] {
    return [...this.arrays.keys()]
  }

  get(name: string): NDArray | undefined {
    return this.arrays.get(name)
  }

  set(name: string, array: NDArray): void {
    this.arrays.set(name, array)
  }

  /**
   * The array of a variable, made by its initialiser if there is none yet.
   *
   * @throws R1Error `variable-mismatch` where the array kept under the name has another dtype or shape; `variable-missing`
   *   where there is none and it must be given
   */
  ensure(tensor: Tensor, name: string): NDArray {
    const known = this.arrays.get(name)
    if (known) {
      if (known.dtype === tensor.dtype && known.shape.join() === tensor.shape.join()) return known
      throw new R1Error(
        'variable-mismatch',
        `The variable ${name} is ${known.dtype}[${known.shape}], but the graph needs ${tensor.dtype}[${tensor.shape}].`,
        { remedy: 'Load a checkpoint that fits the configuration.' },
      )
    }
    const initializer = initializerOf(tensor)
    if (initializer?.kind === 'given') {
      throw new R1Error('variable-missing', `The variable ${name} has no values, and nothing can make them.`, {
        remedy: 'Load the model in the form that the graph needs.',
      })
    }
    const array = NDArray.zeros(tensor.shape as readonly number[], tensor.dtype)
    if (initializer) initialize(array, initializer, streamKey(this.seed, name))
    return this.put(name, array)
  }

  /** Keeps an array of the CPU under a name, on the device of this store, and frees the one that was there. */
  put(name: string, array: NDArray): NDArray {
    const before = this.arrays.get(name)
    if (before !== array) before?.dispose()
    const placed = this.device === 'cpu' ? array : copyTo(array, this.device)
    if (placed !== array) array.dispose()
    this.arrays.set(name, placed)
    return placed
  }

  /** Frees the array of a name, if there is one. */
  delete(name: string): void {
    this.arrays.get(name)?.dispose()
    this.arrays.delete(name)
  }

  /**
   * Looks for values that are not finite.
   *
   * @throws R1Error `not-finite`, naming the first variable with a NaN or an infinity
   */
  assertFinite(): void {
    for (const [name, array] of this.arrays) {
      if (array.dtype !== 'f32' && array.dtype !== 'f64') continue
      const at = firstNotFinite(array)
      if (at < 0) continue
      throw new R1Error('not-finite', `The variable ${name} is not finite at element ${at}.`, {
        remedy: 'Check the checkpoint, or train with a lower learning rate and clipping.',
      })
    }
  }

  /** Frees all arrays. */
  dispose(): void {
    for (const array of this.arrays.values()) array.dispose()
    this.arrays.clear()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Index of the first NaN or infinity; −1 where all is finite. */
function firstNotFinite(array: NDArray): number {
  const host = array.device === 'cpu' ? array : copyTo(array, 'cpu')
  const at = (host.data as Float32Array).findIndex((value) => !Number.isFinite(value))
  if (host !== array) host.dispose()
  return at
}

function initialize(array: NDArray, initializer: Exclude<Initializer, { kind: 'given' }>, key: number): void {
  if (initializer.kind === 'zeros') return
  const value = (index: number): number =>
    initializer.kind === 'ones'
      ? 1
      : initializer.kind === 'normal'
        ? randomNormal(key, index) * initializer.deviation
        : (2 * randomUniform(key, index) - 1) * initializer.bound
  if (array.dtype === 'f32' || array.dtype === 'f64') {
    const data = array.data as Float32Array
    for (let index = 0; index < data.length; index++) data[index] = value(index)
    return
  }
  array.bytes.set(
    encodeValues(
      array.dtype,
      Array.from({ length: array.size }, (_, index) => value(index)),
    ),
  )
}
