import { type Loaded, loadRuntime, type Runtime } from './library.ts'
import { locateRuntime } from './location.ts'
import { selfTest } from './self-test.ts'

/** The key is global so that two copies of this package in one process share one environment. */
const loaded = Symbol.for('deepseek-r1.onnxruntime')
const globals = globalThis as { [loaded]?: Loaded }

/**
 * The ONNX Runtime of this process: located, loaded and tried at first use, and kept for the life of the process.
 *
 * @throws R1Error `runtime-missing`, `runtime-unusable` or `runtime-version`
 */
export function runtime(): Runtime {
  globals[loaded] ??= open()
  return globals[loaded].runtime
}

function open(): Loaded {
  const library = loadRuntime(locateRuntime())
  selfTest(library.runtime)
  return library
}
