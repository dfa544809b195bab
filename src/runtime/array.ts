import { R1Error } from '../errors.ts'
import { byteSize, type DType } from '../tensor/dtype.ts'
import type { Device } from './device.ts'
import {
  type DataOfDType,
  type ElementValue,
  readElements,
  type ViewConstructor,
  views,
  writeElements,
} from './element.ts'
import { allocate, free, type HostMemory } from './memory.ts'

/** What a runtime keeps with an array: ONNX Runtime's `OrtValue`, or a buffer on a device. */
export interface Handle {
  readonly address: bigint
  release(): void
}

const abandoned = new FinalizationRegistry<{ handle: Handle | undefined }>((held) => held.handle?.release())

/**
 * A concrete array: elements of one dtype in row-major order, in memory of a device.
 *
 * Arrays on the CPU show their memory to JavaScript through `data`; native code reads and writes the same bytes.
 */
export class NDArray<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly device: Device
  /** Number of elements. */
  readonly size: number
  readonly byteLength: number
  readonly #memory: HostMemory | undefined
  readonly #held: { handle: Handle | undefined }
  #data: DataOfDType[D] | undefined
  #readers = 0
  #writing = false
  #disposed = false

  private constructor(
    dtype: D,
    shape: readonly number[],
    device: Device,
    memory: HostMemory | undefined,
    handle?: Handle,
  ) {
    this.dtype = dtype
    this.shape = shape
    this.device = device
    this.size = elementCount(shape)
    this.byteLength = this.size * byteSize(dtype)
    this.#memory = memory
    this.#held = { handle }
    abandoned.register(this, this.#held, this.#held)
  }

  /**
   * An array of zeros on the CPU.
   *
   * @throws R1Error `bad-shape` or `out-of-memory`
   */
  static zeros<D extends DType = 'f32'>(shape: readonly number[], dtype: D = 'f32' as D): NDArray<D> {
    const byteLength = elementCount(shape) * byteSize(dtype)
    return new NDArray(dtype, [...shape], 'cpu', allocate(byteLength))
  }

  /**
   * An array on the CPU with a copy of `values`.
   *
   * @param values in row-major order; f16 and bf16 take numbers and round them
   * @param shape one axis of `values`' length when left out
   * @throws R1Error `bad-shape` when `values` and `shape` differ in length
   */
  static from<D extends DType = 'f32'>(
    values: ArrayLike<ElementValue>,
    shape: readonly number[] = [values.length],
    dtype: D = 'f32' as D,
  ): NDArray<D> {
    if (elementCount(shape) !== values.length)
      throw new R1Error('bad-shape', `${values.length} values do not fill the shape ${formatShape(shape)}.`)
    const array = NDArray.zeros(shape, dtype)
    const data = array.data
    if (dtype !== 'f16' && dtype !== 'bf16' && dtype !== 'bool' && values.constructor === data.constructor)
      data.set(values as never)
    else writeElements(data, dtype, values)
    return array
  }

  /** An array of rank 0 on the CPU. */
  static scalar<D extends DType = 'f32'>(value: ElementValue, dtype: D = 'f32' as D): NDArray<D> {
    return NDArray.from([value], [], dtype)
  }

  /** An array whose memory a runtime made and keeps behind `handle`. */
  static adopt<D extends DType>(dtype: D, shape: readonly number[], device: Device, handle: Handle): NDArray<D> {
    return new NDArray(dtype, shape, device, undefined, handle)
  }

  /**
   * The elements in place: writing here writes the array.
   *
   * @throws R1Error `device-mismatch` for an array that is not on the CPU, `disposed` after `dispose`
   */
  get data(): DataOfDType[D] {
    if (this.#data !== undefined && !this.#disposed) return this.#data
    this.#data = this.#view(views[this.dtype], this.size) as DataOfDType[D]
    return this.#data
  }

  /** The same memory as bytes. @throws R1Error as `data` */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#view(Uint8Array<ArrayBuffer>, this.byteLength)
  }

  /** The memory on the CPU. @throws R1Error as `data` */
  get hostMemory(): HostMemory {
    this.assertUsable()
    if (this.#memory === undefined)
      throw new R1Error('device-mismatch', `${this} lies on ${this.device}, where JavaScript cannot read it.`, {
        remedy: "Copy it to 'cpu' first.",
      })
    return this.#memory
  }

  /** The elements as plain numbers, in row-major order. */
  toNumbers(): number[] {
    return readElements(this.data, this.dtype)
  }

  /** What a runtime has stored with the array. */
  get handle(): Handle | undefined {
    return this.#held.handle
  }

  /** Stores a runtime's handle, which is released with the array. */
  set handle(handle: Handle | undefined) {
    this.#held.handle = handle
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** @throws R1Error `disposed` */
  assertUsable(): void {
    if (this.#disposed) throw new R1Error('disposed', `${this} has been disposed and cannot be used again.`)
  }

  /** True while a run under way reads or writes the array. */
  get inUse(): boolean {
    return this.#readers > 0 || this.#writing
  }

  /** True while a run under way writes the array. */
  get beingWritten(): boolean {
    return this.#writing
  }

  /** Keeps the memory alive over a `dispose` until `letGo`: native code is at work on it. */
  hold(access: 'read' | 'write'): void {
    if (access === 'read') this.#readers++
    else this.#writing = true
  }

  /** Ends a `hold`. */
  letGo(): void {
    if (this.#writing) this.#writing = false
    else this.#readers--
    if (this.#disposed && !this.inUse) this.#free()
  }

  /** Gives the memory back, at once or when the runs that use it have ended; views of it become empty. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    if (!this.inUse) this.#free()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return `array ${this.dtype}${formatShape(this.shape)}`
  }

  #view<View>(typedArray: ViewConstructor<View>, length: number): View {
    const { buffer, byteOffset } = this.hostMemory
    try {
      return new typedArray(buffer, byteOffset, length)
    } catch (cause) {
      throw new R1Error('array-too-long', `${this} is longer than what JavaScript can show here.`, {
        remedy: 'Use Node 22 or newer, or split the array.',
        cause,
      })
    }
  }

  #free(): void {
    abandoned.unregister(this.#held)
    this.#held.handle?.release()
    this.#held.handle = undefined
    if (this.#memory !== undefined) free(this.#memory)
  }
}

/** A shape as people write it: [2, 3]. */
export function formatShape(shape: readonly (number | string)[]): string {
  return `[${shape.join(', ')}]`
}

/**
 * Number of elements of a shape.
 *
 * @throws R1Error `bad-shape` for a negative or broken length
 */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0)
      throw new R1Error('bad-shape', `${formatShape(shape)} is not a shape.`, {
        remedy: 'Every axis is a whole number ≥ 0.',
      })
    count *= length
  }
  return count
}
