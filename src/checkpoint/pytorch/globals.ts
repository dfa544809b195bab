import type { Dtype } from '../bytes/dtype.ts'
import { badCheckpoint, unsupportedCheckpoint } from '../failure.ts'
import { Dict, Global, type PickleValue, Storage, TensorView, Tuple } from './value.ts'

/** Element type of each of torch's storage classes. */
const storageDtypes: ReadonlyMap<string, Dtype> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.DoubleStorage', 'F64'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
])

function isWhole(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function wholeNumbers(value: PickleValue | undefined): number[] | undefined {
  if (!(value instanceof Tuple)) return undefined
  const numbers = value.items.filter(isWhole)
  return numbers.length === value.items.length ? numbers : undefined
}

function rebuildTensor(items: readonly PickleValue[], file: string): TensorView {
  const [storage, offset] = items
  const [shape, strides] = [wholeNumbers(items[2]), wholeNumbers(items[3])]
  if (!(storage instanceof Storage) || !isWhole(offset) || !shape || shape.length !== strides?.length) {
    throw badCheckpoint(file, 'a tensor is described wrongly')
  }
  return new TensorView(storage, offset, shape, strides)
}

type Call = (items: readonly PickleValue[], file: string) => PickleValue

/** The calls a checkpoint's pickle may make. None of them runs anything: they only describe tensors. */
const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['collections.OrderedDict', () => new Dict()],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', (items) => items[0] ?? null],
  ['torch.Size', (items) => items[0] ?? null],
])

/** A name of Python's, refused unless checkpoints need it. */
export function makeGlobal(name: string, file: string): Global {
  if (calls.has(name) || storageDtypes.has(name)) return new Global(name)
  throw unsupportedCheckpoint(
    file,
    `it asks for ${JSON.stringify(name.slice(0, 100))}, which tensors do not need`,
    'It may run code when opened by other programs: use the safetensors files of the same model.',
  )
}

/** Carries out one of the known calls. */
export function call(global: PickleValue, argument: PickleValue, file: string): PickleValue {
  const make = global instanceof Global ? calls.get(global.name) : undefined
  if (!make || !(argument instanceof Tuple)) throw badCheckpoint(file, 'it calls something that cannot be called')
  return make(argument.items, file)
}

/** The storage that a persistent id stands for: ('storage', class, key, device, elements, …). */
export function makeStorage(id: PickleValue, file: string): Storage {
  if (id instanceof Tuple && id.items[0] === 'storage') {
    const [, type, key, , elements] = id.items
    const dtype = type instanceof Global ? storageDtypes.get(type.name) : undefined
    if (dtype && typeof key === 'string' && isWhole(elements)) {
      return new Storage(dtype, key, elements)
    }
  }
  throw badCheckpoint(file, 'it refers to a storage wrongly')
}
