export { NDArray } from './array.ts'
export { type Device, devices } from './device.ts'
export { exportOnnx } from './export.ts'
export { type ArrayTree, type CompilationStatistics, Jit, type JitOptions, jit } from './jit.ts'
export { type KernelLibrary, kernelLibrary } from './kernels.ts'
export { Program, type ProgramOptions, type ProgramStatistics } from './program.ts'
export {
  type Arrays,
  createSession,
  createSessionSync,
  type RunOptions,
  type Session,
  type SessionOptions,
} from './session.ts'
export { copyInto, copyTo, zerosOn } from './transfer.ts'
export { Variables } from './variables.ts'
