import { R1Error } from '../../errors.ts'

/** This package's codes for `OrtErrorCode`. */
const codes: Readonly<Record<number, string>> = {
  1: 'runtime-failed',
  2: 'runtime-argument',
  3: 'model-missing',
  4: 'bad-model',
  5: 'device-failed',
  6: 'runtime-failed',
  7: 'bad-model',
  9: 'unsupported-operator',
  10: 'bad-model',
  11: 'device-failed',
}

const remedies: Readonly<Record<string, string>> = {
  'out-of-memory': 'Use a smaller batch, a shorter sequence, a smaller dtype or activation checkpointing.',
  'device-failed': "See what 'r1 doctor' says of the device, or use the device 'cpu'.",
}

const allocationFailure = /bad.?alloc|failed to allocate|out of memory|not enough memory|SafeInt|integer overflow/i

/** The error for a status that ONNX Runtime returned. */
export function statusError(status: number, message: string): R1Error {
  const code = allocationFailure.test(message) ? 'out-of-memory' : (codes[status] ?? 'runtime-failed')
  const sentence = message.trim().replace(/[\s.]*$/, '.')
  return new R1Error(code, `ONNX Runtime: ${sentence}`, { remedy: remedies[code] })
}
