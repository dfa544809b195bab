import { R1Error } from '../errors.ts'
import { addressOf } from './ort/address.ts'

/** ONNX Runtime's and our kernels' widest vectors are 64 bytes; data begins on such a border. */
export const alignment = 64

/**
 * Memory that JavaScript and native code share: an `ArrayBuffer` whose data lies outside V8's heap and never moves.
 *
 * Why this and nothing else: an ArrayBuffer's own memory (unlike that of a small typed array) is never moved by the garbage
 * collector, lives as long as any view of it, comes zeroed (large blocks lazily) and can be detached, so that a view kept
 * after `free` is empty and not dangling. Memory allocated outside and shown as an external ArrayBuffer cannot be detached on
 * Node 20, and a SharedArrayBuffer cannot be given back before the garbage collector finds it.
 */
export interface HostMemory {
  readonly buffer: ArrayBuffer
  /** Where the aligned data begins in `buffer`, in bytes. */
  readonly byteOffset: number
  readonly byteLength: number
}

/**
 * Zeroed memory of `byteLength` bytes, aligned to 64 bytes.
 *
 * @throws R1Error `out-of-memory`
 */
export function allocate(byteLength: number): HostMemory {
  let buffer: ArrayBuffer
  try {
    // Room for the border before, and for devices that copy in whole words behind.
    buffer = new ArrayBuffer(byteLength + 2 * alignment)
  } catch (cause) {
    throw new R1Error('out-of-memory', `An array of ${byteLength} bytes does not fit into memory.`, {
      remedy: 'Use a smaller batch, a shorter sequence or a smaller dtype.',
      cause,
    })
  }
  const beyondBorder = Number(addressOf(new Uint8Array(buffer, 0, 1)) % BigInt(alignment))
  return { buffer, byteOffset: (alignment - beyondBorder) % alignment, byteLength }
}

type Port = InstanceType<typeof MessageChannel>['port1']

/** A port nobody listens to: what is transferred to it is dropped, and its memory goes back to the system at once. */
let drain: Port | undefined

function openDrain(): Port {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  return port1
}

/** Gives the memory back now; every view of it becomes empty. */
export function free(memory: HostMemory): void {
  drain ??= openDrain()
  drain.postMessage(null, [memory.buffer])
}
