import { R1Error } from '../errors.ts'
import type { DType } from '../tensor/dtype.ts'
import { NDArray } from './array.ts'
import type { Device } from './device.ts'
import { copyValue, deviceArray } from './ort/device-memory.ts'

/**
 * An array of zeros on a device.
 *
 * @throws R1Error `bad-shape`, `out-of-memory` or `device-missing`
 */
export function zerosOn<D extends DType = 'f32'>(
  device: Device,
  shape: readonly number[],
  dtype: D = 'f32' as D,
): NDArray<D> {
  const zeros = NDArray.zeros(shape, dtype)
  if (device === 'cpu') return zeros
  using source = zeros
  return copyTo(source, device)
}

/**
 * A copy of `array` on a device.
 *
 * @throws R1Error `out-of-memory`, `device-missing`, `busy` or `disposed`
 */
export function copyTo<D extends DType>(array: NDArray<D>, device: Device): NDArray<D> {
  const copy =
    device === 'cpu' ? NDArray.zeros(array.shape, array.dtype) : deviceArray(device, array.shape, array.dtype)
  copyInto(array, copy)
  return copy
}

/**
 * Copies the elements of `source` over those of `target`, wherever the two lie.
 *
 * @throws R1Error `shape-mismatch` or `dtype-mismatch` unless the two are alike, `busy`, `disposed`
 */
export function copyInto(source: NDArray, target: NDArray): void {
  if (source.dtype !== target.dtype) throw new R1Error('dtype-mismatch', `${source} cannot be copied into ${target}.`)
  if (source.shape.length !== target.shape.length || source.shape.some((length, axis) => length !== target.shape[axis]))
    throw new R1Error('shape-mismatch', `${source} cannot be copied into ${target}.`)
  source.assertUsable()
  target.assertUsable()
  if (target.inUse || source.beingWritten)
    throw new R1Error('busy', `${source} cannot be copied while a run under way uses it or its target.`, {
      remedy: 'Await the run first.',
    })
  if (source.device === 'cpu' && target.device === 'cpu') copyOnHost(source, target)
  else if (source.size > 0) copyValue(source, target)
}

function copyOnHost(source: NDArray, target: NDArray): void {
  const [from, to] = [source.hostMemory, target.hostMemory]
  // Not as one Uint8Array: on Node 20 a typed array has at most 2³² elements.
  const chunk = 2 ** 30
  for (let offset = 0; offset < from.byteLength; offset += chunk) {
    const length = Math.min(chunk, from.byteLength - offset)
    new Uint8Array(to.buffer, to.byteOffset + offset, length).set(
      new Uint8Array(from.buffer, from.byteOffset + offset, length),
    )
  }
}
