/**
 * Tries one part of the native world and tells the parent process how it went. It runs as a process of its own, because a
 * broken driver or library can end the process that loads it.
 */
import { R1Error } from '../../errors.ts'
import { NDArray } from '../../runtime/array.ts'
import { kernelLibrary } from '../../runtime/kernels.ts'
import { OnnxModel } from '../../runtime/onnx/model.ts'
import { runtimeInformation } from '../../runtime/ort/information.ts'
import { describeRule, productRule } from '../../runtime/products/rule.ts'
import { createSession } from '../../runtime/session.ts'

/** What each probe finds. */
export interface ProbeFacts {
  runtime: { version: string; library: string; providers: readonly string[] }
  kernels: {
    library: string | null
    instructions: string | null
    operators: string[]
    reason: string
    /** Which matrix products the kernels take. */
    products: string
  }
  webgpu: { result: number[] }
}

export type ProbeName = keyof ProbeFacts

/** What a probe says to its parent. */
export type ProbeMessage<Name extends ProbeName> =
  | { facts: ProbeFacts[Name] }
  | { error: { code: string; message: string; causes: string[] } }

const probes: { [Name in ProbeName]: () => ProbeFacts[Name] | Promise<ProbeFacts[Name]> } = {
  runtime: runtimeInformation,

  kernels() {
    const { path = null, instructions = null, operators, reason } = kernelLibrary()
    const products = describeRule(productRule())
    return { library: path, instructions, operators: [...operators].sort(), reason, products }
  },

  async webgpu() {
    const model = new OnnxModel()
    model.input('x', 'f32', [2])
    model.node({ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] })
    model.output('y', 'f32', [2])
    using session = await createSession(model.encode(), { device: 'webgpu' })
    const { y } = await session.run({ x: NDArray.from([1, 2], [2]) })
    return { result: y?.toNumbers() ?? [] }
  },
}

function causesOf(error: unknown): string[] {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? [cause.message, ...causesOf(cause)] : []
}

const name = process.argv[2] as ProbeName
try {
  process.send?.({ facts: await probes[name]() })
} catch (error) {
  const code = R1Error.isInstance(error) ? error.code : 'unexpected'
  const message = error instanceof Error ? error.message : String(error)
  process.send?.({ error: { code, message, causes: causesOf(error) } })
}
process.disconnect?.()
