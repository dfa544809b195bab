import { R1Error } from '../../errors.ts'
import { NDArray } from '../array.ts'
import { OnnxModel } from '../onnx/model.ts'
import { NativeRun } from './bound-run.ts'
import { describe } from './description.ts'
import type { Runtime } from './library.ts'
import { filled } from './out.ts'
import { sessionOptions } from './session-options.ts'

/** y = x · x + x over three numbers */
function model(): Uint8Array {
  const model = new OnnxModel()
  model.input('x', 'f32', [3])
  model.node({ operator: 'Mul', inputs: ['x', 'x'], outputs: ['square'] })
  model.node({ operator: 'Add', inputs: ['square', 'x'], outputs: ['y'] })
  model.output('y', 'f32', [3])
  return model.encode()
}

/**
 * Runs a small graph through the functions that everything else is built on: a library whose table is not ours shall say so
 * before anybody's model runs on it.
 *
 * @throws R1Error `runtime-unusable`
 */
export function selfTest(runtime: Runtime): void {
  let results: readonly number[] | undefined
  let cause: unknown
  try {
    results = runModel(runtime)
  } catch (error) {
    cause = error
  }
  if (results?.join() === '2,6,-0.25') return
  const found = results === undefined ? 'failed' : `gave ${results.join(', ')} for 2, 6, -0.25`
  throw new R1Error(
    'runtime-unusable',
    `${runtime.path} (ONNX Runtime ${runtime.version}) ${found} in its self-test.`,
    {
      remedy: "Reinstall it with 'npm install onnxruntime-node', or set R1_ONNXRUNTIME to another library.",
      cause,
    },
  )
}

function runModel(runtime: Runtime): readonly number[] | undefined {
  const { api, environment } = runtime
  const bytes = model()
  const options = sessionOptions(runtime, { threads: 1 })
  const session: [bigint | null] = [null]
  try {
    api.CreateSessionFromArray(environment, bytes, bytes.byteLength, options, session)
    const address = filled(session)
    const description = { inputs: describe(runtime, address, 'Input'), outputs: describe(runtime, address, 'Output') }
    using x = NDArray.from([1, 2, -0.5])
    const owner = { address, device: 'cpu', hold: () => undefined, letGo: () => undefined } as const
    using run = new NativeRun(runtime, owner, description, { x }, {}, new Map())
    return run.runSync().y?.toNumbers()
  } finally {
    api.ReleaseSessionOptions(options)
    if (session[0] !== null) api.ReleaseSession(session[0])
  }
}
