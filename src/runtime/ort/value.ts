import { R1Error } from '../../errors.ts'
import type { DType } from '../../tensor/dtype.ts'
import { type Handle, NDArray } from '../array.ts'
import { dataTypeOf, dtypeOf } from '../onnx/datatype.ts'
import { addressOf } from './address.ts'
import { koffi } from './ffi.ts'
import type { Address } from './functions.ts'
import type { Runtime } from './library.ts'
import { out, outNumber } from './out.ts'

/** The `OrtValue *` over an array's own memory; made once and kept with the array. */
export function ortValueOf(runtime: Runtime, array: NDArray): Address {
  array.handle ??= handleOf(runtime, hostValue(runtime, array))
  return array.handle.address
}

function handleOf({ api }: Runtime, value: Address): Handle {
  return { address: value, release: () => api.ReleaseValue(value) }
}

function hostValue({ api, cpuMemory }: Runtime, array: NDArray): Address {
  const { buffer, byteOffset, byteLength } = array.hostMemory
  const data = addressOf(new Uint8Array(buffer, byteOffset, 1))
  const shape = BigInt64Array.from(array.shape, BigInt)
  return out((address) =>
    api.CreateTensorWithDataAsOrtValue(
      cpuMemory,
      data,
      byteLength,
      shape,
      shape.length,
      dataTypeOf(array.dtype),
      address,
    ),
  )
}

/** Copies a value that ONNX Runtime allocated on the CPU into an array of ours, and releases it. */
export function takeValue(runtime: Runtime, value: Address): NDArray {
  const { api } = runtime
  try {
    const { dtype, shape } = typeAndShape(runtime, value)
    const array = NDArray.zeros(shape, dtype)
    const data = out((address) => api.GetTensorMutableData(value, address))
    if (array.byteLength > 0) array.bytes.set(new Uint8Array(koffi.view(data, array.byteLength)))
    return array
  } finally {
    api.ReleaseValue(value)
  }
}

function typeAndShape({ api }: Runtime, value: Address): { dtype: DType; shape: number[] } {
  const info = out((address) => api.GetTensorTypeAndShape(value, address))
  try {
    const elementType = outNumber((number) => api.GetTensorElementType(info, number))
    const dtype = dtypeOf(elementType)
    if (dtype === undefined)
      throw new R1Error(
        'unsupported-type',
        `A result has ONNX's element type ${elementType}, which arrays do not hold.`,
      )
    const shape = new BigInt64Array(outNumber((number) => api.GetDimensionsCount(info, number)))
    if (shape.length > 0) api.GetDimensions(info, shape, shape.length)
    return { dtype, shape: Array.from(shape, Number) }
  } finally {
    api.ReleaseTensorTypeAndShapeInfo(info)
  }
}
