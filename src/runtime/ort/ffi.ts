import koffi from 'koffi'
import { R1Error } from '../../errors.ts'

/**
 * Stack of native calls, in bytes. koffi gives a call on another thread 128 KiB by default, which drivers that compile
 * shaders overrun: a segmentation fault. Eight MiB is what a process's first thread has; untouched pages cost nothing.
 */
const stack = 8 * 2 ** 20

function configure(): void {
  const { sync_stack_size: blocking = 0, async_stack_size: asynchronous = 0 } = koffi.config()
  if (blocking >= stack && asynchronous >= stack) return
  try {
    koffi.config({ sync_stack_size: stack, async_stack_size: stack })
  } catch (cause) {
    throw new R1Error('runtime-unusable', 'koffi loaded another library before its stacks could be enlarged.', {
      remedy: 'Import deepseek-r1 before loading libraries through koffi.',
      cause,
    })
  }
}

configure()

/** koffi, with room for what ONNX Runtime and the drivers behind it put on the stack. */
export { koffi }
