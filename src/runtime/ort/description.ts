import { R1Error } from '../../errors.ts'
import { dtypeOf } from '../onnx/datatype.ts'
import type { ValueDescription } from '../session.ts'
import { koffi } from './ffi.ts'
import type { Address, OutAddress } from './functions.ts'
import type { Runtime } from './library.ts'
import { out, outNumber } from './out.ts'

type Side = 'Input' | 'Output'

/** What a session wants to be fed (`Input`) or returns (`Output`). @throws R1Error `unsupported-type` for a value that is no tensor of ours */
export function describe(runtime: Runtime, session: Address, side: Side): ValueDescription[] {
  const { api } = runtime
  const count = outNumber((number) => api[`SessionGet${side}Count`](session, number))
  return Array.from({ length: count }, (_, index) => {
    const name = takeString(runtime, (address) =>
      api[`SessionGet${side}Name`](session, index, runtime.allocator, address),
    )
    const type = out((address) => api[`SessionGet${side}TypeInfo`](session, index, address))
    try {
      return { name, ...describeType(runtime, type, `${side.toLowerCase()} '${name}'`) }
    } finally {
      api.ReleaseTypeInfo(type)
    }
  })
}

function describeType(runtime: Runtime, type: Address, what: string): Omit<ValueDescription, 'name'> {
  const { api } = runtime
  const tensor: OutAddress = [null]
  api.CastTypeInfoToTensorInfo(type, tensor)
  if (tensor[0] === null) throw new R1Error('unsupported-type', `The model's ${what} is not a tensor.`)
  const info = tensor[0]
  const elementType = outNumber((number) => api.GetTensorElementType(info, number))
  const dtype = dtypeOf(elementType)
  if (dtype === undefined)
    throw new R1Error('unsupported-type', `The model's ${what} has ONNX's element type ${elementType}.`, {
      remedy: 'Convert the model to f32, f16, bf16, f64, i64, i32, i8, u8 or bool.',
    })
  const rank = outNumber((number) => api.GetDimensionsCount(info, number))
  return { dtype, shape: rank === 0 ? [] : dimensions(runtime, info, rank) }
}

function dimensions({ api }: Runtime, info: Address, rank: number): (number | string)[] {
  const lengths = new BigInt64Array(rank)
  const names = new BigUint64Array(rank)
  api.GetDimensions(info, lengths, rank)
  api.GetSymbolicDimensions(info, names, rank)
  return Array.from(lengths, (length, axis) => {
    if (length >= 0n) return Number(length)
    const name = names[axis]
    return name ? koffi.decode.string(name) : ''
  })
}

/** Reads a string that ONNX Runtime allocated, and frees it. */
export function takeString({ api, allocator }: Runtime, call: (address: OutAddress) => void): string {
  const address = out(call)
  const text = koffi.decode.string(address)
  api.AllocatorFree(allocator, address)
  return text
}
