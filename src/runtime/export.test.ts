import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { matmul, normal, type Tensor, tanh, trace, variable } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { exportOnnx } from './export.ts'
import { jit } from './jit.ts'
import { createSession } from './session.ts'
import { Variables } from './variables.ts'

const folder = mkdtempSync(join(tmpdir(), 'r1-export-'))
afterAll(() => rmSync(folder, { recursive: true }))

const layer = ({ x }: { x: Tensor }) =>
  tanh(matmul(x, variable('weight', { dtype: 'f32', shape: [64, 32] }, normal(0.1))))

describe('exportOnnx', () => {
  it('writes a model that gives the same numbers, with large constants in a file beside it', async () => {
    using variables = new Variables(3)
    using x = NDArray.from(
      Float32Array.from({ length: 128 }, (_, at) => Math.sin(at)),
      [2, 64],
    )
    using compiled = jit(layer, { variables, kernels: false })
    const expected = await compiled.run({ x })

    const path = join(folder, 'layer.onnx')
    const { graph } = trace(({ x: symbolic }: { x: Tensor }) => layer({ x: symbolic }), {
      x: { dtype: 'f32', shape: ['batch', 64] } as const,
    })
    exportOnnx(graph, variables, path)

    expect(readdirSync(folder).sort()).toEqual(['layer.onnx', 'layer.onnx.data'])
    expect(statSync(`${path}.data`).size).toBe(64 * 32 * 4)
    using session = await createSession(path)
    const [input, output] = [session.inputs[0]?.name as string, session.outputs[0]?.name as string]
    const found = await session.run({ [input]: x })
    expect(found[output]?.toNumbers()).toEqual(expected.toNumbers())
  })

  it('says why it cannot write', () => {
    const { graph } = trace(() => variable('v', { dtype: 'f32', shape: [1] }), {})
    using variables = new Variables()
    expect(() => exportOnnx(graph, variables, join(folder, 'missing', 'x.onnx'))).toThrow(/cannot be written/)
  })
})
