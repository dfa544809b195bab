import { R1Error } from '../../errors.ts'
import type { Address, OutAddress, OutNumber } from './functions.ts'

/** Calls a function with an out-argument and returns the address it filled in. */
export function out(call: (address: OutAddress) => void): Address {
  const address: OutAddress = [null]
  call(address)
  return filled(address)
}

/** The address that a call has filled in. */
export function filled([address]: OutAddress): Address {
  if (address === null) throw new R1Error('runtime-failed', 'ONNX Runtime handed back no object and no error.')
  return address
}

/** Calls a function with an out-argument for a number. */
export function outNumber(call: (number: OutNumber) => void): number {
  const number: OutNumber = [0]
  call(number)
  return Number(number[0])
}
