import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { R1Error } from '../../src/errors.ts'
import type { NDArray } from '../../src/runtime/array.ts'
import { type JitOptions, jit } from '../../src/runtime/jit.ts'
import { arraysOf, distance } from '../../src/runtime/testing/run-case.ts'
import { missingSwiftShader } from '../../src/runtime/testing/swiftshader.ts'
import {
  add,
  constant,
  type DType,
  gradients,
  isFloating,
  multiply,
  operators,
  sum,
  type Tensor,
} from '../../src/tensor/index.ts'

import { differentiable, label, type OperatorCase, outputsOf, valuesOf } from '../../src/tensor/testing/case.ts'
import { cases } from '../../src/tensor/testing/cases/index.ts'
import { Plain } from '../../src/tensor/testing/plain.ts'
import { type OperatorSupport, type Support, supportFile } from './support.ts'

/*
 * Tries every operator of the table on the CPU in each floating dtype and on WebGPU, by the cases of its tests, and writes
 * what it finds to operator-support.json, from which docs/ops.md is generated. Given names, it tries only these operators and
 * those that the file does not have.
 */

const missing = missingSwiftShader()
if (missing) throw new Error(missing)

const folder = mkdtempSync(join(tmpdir(), 'r1-probe-'))

type Inputs = Readonly<Record<string, Tensor>>

/** The outputs of a case, or the gradients of a loss made of them. */
const forward = (operatorCase: OperatorCase) => (inputs: Inputs) => [...outputsOf(operatorCase, inputs)]
const backward = (operatorCase: OperatorCase) => (inputs: Inputs) => {
  const losses = outputsOf(operatorCase, inputs)
    .filter(({ dtype }) => isFloating(dtype))
    .map((output) => sum(multiply(output, output)))
  const wrt = differentiable(operatorCase).map((name) => inputs[name] as Tensor)
  return [...gradients(losses.reduce(add, constant(0, { dtype: losses[0]?.dtype })), wrt)]
}

type Body = (inputs: Inputs) => Tensor[]

function run(operatorCase: OperatorCase, body: Body, dtype: DType, options: JitOptions) {
  using compiled = jit(body, options)
  const found = compiled.runSync(arraysOf(operatorCase, valuesOf(operatorCase), dtype) as never) as unknown as NDArray[]
  return {
    outputs: found.map((array) => new Plain(array.shape, array.toNumbers())),
    profiles: options.profile ? compiled.endProfiling() : [],
  }
}

/** Dtype in which a case runs where it has no input of the run's dtype. */
function ownDType({ inputs }: OperatorCase): string | undefined {
  const own = Object.values(inputs).map(({ dtype }) => dtype)
  return own.includes('float') ? undefined : own[0]
}

function runs(operatorCase: OperatorCase, dtype: DType): boolean {
  try {
    run(operatorCase, forward(operatorCase), dtype, { kernels: false, threads: 1 })
    return true
  } catch (error) {
    if (error instanceof R1Error) return false
    throw error
  }
}

function cpuSupport(own: readonly OperatorCase[]): string[] {
  const fixed = new Set(own.flatMap((operatorCase) => ownDType(operatorCase) ?? []))
  const floating = own.filter((operatorCase) => !ownDType(operatorCase))
  const found = floating.length === 0 ? [] : (['f32', 'f64', 'f16', 'bf16'] as const)
  return [...found.filter((dtype) => floating.every((operatorCase) => runs(operatorCase, dtype))), ...fixed]
}

interface ProfileEvent {
  readonly cat: string
  readonly args?: { readonly op_name?: string; readonly provider?: string }
}

/** What happens to a case on WebGPU. */
function onWebGpu(operatorCase: OperatorCase, body: Body): string {
  try {
    const { outputs, profiles } = run(operatorCase, body, 'f32', { device: 'webgpu', profile: join(folder, 'probe') })
    const events = profiles.flatMap((path) => JSON.parse(readFileSync(path, 'utf8')) as ProfileEvent[])
    const named = events.flatMap(({ cat, args }) => (cat === 'Node' && args?.op_name ? [args] : []))
    const strays = named.filter(
      ({ op_name, provider }) => provider?.startsWith('CPU') && !op_name?.startsWith('Memcpy'),
    )
    if (strays.length > 0) return onCpu(strays.flatMap(({ op_name }) => op_name ?? []))
    const expected = run(operatorCase, body, 'f32', { kernels: false, threads: 1 }).outputs
    const error = Math.max(0, ...outputs.map((output, index) => distance(output, expected[index] as Plain)))
    return error < 1e-3 ? 'yes' : 'wrong'
  } catch (error) {
    if (!(error instanceof R1Error)) throw error
    console.error(`${label(operatorCase)}: ${error.message}`)
    return 'fails'
  }
}

const prefix = 'CPU: '

/** The outcome where ONNX Runtime computes some of an operator's nodes on the CPU. */
const onCpu = (names: readonly string[]): string => prefix + [...new Set(names)].sort().join(', ')

/** The worst that happens to any case. */
function worst(outcomes: readonly string[]): string {
  if (outcomes.includes('fails')) return 'fails'
  if (outcomes.includes('wrong')) return 'wrong'
  const strays = outcomes.filter((outcome) => outcome.startsWith(prefix))
  return strays.length > 0 ? onCpu(strays.flatMap((outcome) => outcome.slice(prefix.length).split(', '))) : 'yes'
}

function probe(operator: string): OperatorSupport {
  const own = cases.filter((operatorCase) => operatorCase.operator === operator)
  // WebGPU knows no f64, and a software adapter is slow.
  const fits = (one: OperatorCase) => Object.values(valuesOf(one)).every(({ data }) => data.length < 10_000)
  const small = own.filter((one) => one.name !== 'to f64' && fits(one))
  const differentiated = small.filter(({ gradient }) => gradient !== 'none')
  const support: OperatorSupport = {
    cpu: cpuSupport(own),
    webgpu: worst(small.map((one) => onWebGpu(one, forward(one)))),
  }
  if (differentiated.length === 0) return support
  return { ...support, webgpuGradient: worst(differentiated.map((one) => onWebGpu(one, backward(one)))) }
}

function reported(name: string, support: OperatorSupport): OperatorSupport {
  console.log(name, JSON.stringify(support))
  return support
}

try {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  const names = operators()
    .flatMap(({ name }) => (name === 'input' ? [] : [name]))
    .sort()
  const known = (JSON.parse(readFileSync(supportFile, 'utf8')) as Support).operators
  const wanted = new Set(process.argv.slice(2))
  const found = (name: string): OperatorSupport => {
    const earlier = known[name]
    return earlier && wanted.size > 0 && !wanted.has(name) ? earlier : reported(name, probe(name))
  }
  const support: Support = {
    onnxRuntime: version,
    adapter: 'SwiftShader (Vulkan on the CPU)',
    operators: Object.fromEntries(names.map((name) => [name, found(name)])),
  }
  writeFileSync(supportFile, `${JSON.stringify(support, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}
