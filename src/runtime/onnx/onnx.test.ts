import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { R1Error } from '../../errors.ts'
import { dtypes } from '../../tensor/dtype.ts'
import { type AttributeValue, float, floats } from './attribute.ts'
import { dataTypeOf, dtypeOf } from './datatype.ts'
import { type ExternalData, OnnxModel } from './model.ts'
import { ModelProtoSchema } from './onnx_pb.ts'
import { validateModel } from './validate.ts'

const folder = mkdtempSync(join(tmpdir(), 'r1-onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** y = -x, with more added by `extend`. */
function negation(extend: (model: OnnxModel) => void = () => undefined): OnnxModel {
  const model = new OnnxModel()
  model.input('x', 'f32', ['batch', 3])
  extend(model)
  model.node({ operator: 'Neg', inputs: ['x'], outputs: ['y'] })
  model.output('y', 'f32', ['batch', 3])
  return model
}

function problem(model: OnnxModel, place?: string): string {
  try {
    validateModel(model.proto(), place)
  } catch (error) {
    if (error instanceof R1Error && error.code === 'bad-model') return error.message
    throw error
  }
  return 'none'
}

describe('a model', () => {
  it('comes back from its bytes as it was built', () => {
    const attributes: Record<string, AttributeValue> = {
      integer: 7,
      big: 2n ** 40n,
      flag: true,
      float: float(1),
      text: 'NONE',
      integers: [1, -2],
      none: [],
      floats: floats([0.5, 2]),
      texts: ['a', 'b'],
      dtype: { dtype: 'bf16' },
    }
    const bytes = negation((model) => {
      model.initializer('weight', 'i32', [2], new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0]))
      model.node({
        operator: 'Custom',
        domain: 'r1',
        name: 'first',
        inputs: ['x', '', 'weight'],
        outputs: ['z'],
        attributes,
      })
    }).encode()
    const { graph, irVersion, opsetImport } = fromBinary(ModelProtoSchema, bytes)
    expect([irVersion, opsetImport.map(({ domain, version }) => `${domain}:${version}`)]).toEqual([
      10n,
      [':21', 'com.microsoft:1', 'r1:1'],
    ])
    const [custom, negate] = graph?.node ?? []
    expect(custom).toMatchObject({
      opType: 'Custom',
      domain: 'r1',
      name: 'first',
      input: ['x', '', 'weight'],
      output: ['z'],
    })
    expect(negate?.opType).toBe('Neg')
    const byName = new Map(custom?.attribute.map((attribute) => [attribute.name, attribute]))
    expect(byName.get('integer')).toMatchObject({ type: 2, i: 7n })
    expect(byName.get('big')).toMatchObject({ type: 2, i: 2n ** 40n })
    expect(byName.get('flag')).toMatchObject({ type: 2, i: 1n })
    expect(byName.get('float')).toMatchObject({ type: 1, f: 1 })
    expect(byName.get('text')).toMatchObject({ type: 3, s: new TextEncoder().encode('NONE') })
    expect(byName.get('integers')).toMatchObject({ type: 7, ints: [1n, -2n] })
    expect(byName.get('none')).toMatchObject({ type: 7, ints: [] })
    expect(byName.get('floats')).toMatchObject({ type: 6, floats: [0.5, 2] })
    expect(byName.get('texts')).toMatchObject({
      type: 8,
      strings: ['a', 'b'].map((text) => new TextEncoder().encode(text)),
    })
    expect(byName.get('dtype')).toMatchObject({ type: 2, i: 16n })
    expect(graph?.input[0]?.type?.value).toMatchObject({
      case: 'tensorType',
      value: {
        elemType: 1,
        shape: { dim: [{ value: { case: 'dimParam', value: 'batch' } }, { value: { case: 'dimValue', value: 3n } }] },
      },
    })
    expect(graph?.initializer[0]).toMatchObject({ name: 'weight', dataType: 6, dims: [2n] })
  })

  it('refuses an integer attribute that is not whole', () => {
    expect(() =>
      negation((model) => model.node({ operator: 'A', inputs: [], outputs: ['a'], attributes: { axis: 0.5 } })),
    ).toThrow(RangeError)
  })

  it('numbers every dtype as ONNX does, and back', () => {
    for (const dtype of dtypes) expect(dtypeOf(dataTypeOf(dtype))).toBe(dtype)
    expect(dtypeOf(8)).toBeUndefined()
  })
})

describe('validation', () => {
  it('accepts a whole model', () => {
    expect(problem(negation())).toBe('none')
    expect(problem(negation((model) => model.node({ operator: 'Clip', inputs: ['x', ''], outputs: ['c', ''] })))).toBe(
      'none',
    )
  })

  it.each<[string, RegExp, (model: OnnxModel) => void]>([
    ['a name twice', /'y' twice/, (model) => model.node({ operator: 'Abs', inputs: ['x'], outputs: ['y'] })],
    [
      'an input that is also a result',
      /'x' twice/,
      (model) => model.node({ operator: 'Abs', inputs: ['x'], outputs: ['x'] }),
    ],
    [
      'an undefined input',
      /node 0 \(Abs\) with 'w'.*nothing defines/,
      (model) => model.node({ operator: 'Abs', inputs: ['w'], outputs: ['z'] }),
    ],
    [
      'nodes out of order',
      /'y' before it is computed/,
      (model) => model.node({ operator: 'Abs', inputs: ['y'], outputs: ['z'] }),
    ],
    ['an output nothing computes', /output 'z'/, (model) => model.output('z', 'f32', [])],
    [
      'a foreign operator set',
      /operator set 'other'/,
      (model) => model.node({ operator: 'A', domain: 'other', inputs: [], outputs: ['a'] }),
    ],
    [
      'an initializer without a name',
      /initializer without a name/,
      (model) => model.initializer('', 'f32', [0], new Uint8Array()),
    ],
  ])('finds %s', (_, message, extend) => {
    expect(problem(negation(extend))).toMatch(message)
  })

  describe('of external data', () => {
    const external = (data: ExternalData, place?: string) =>
      problem(
        negation((model) => model.initializer('w', 'u8', [data.length], data)),
        place,
      )

    it('accepts a file beside the model', () => {
      writeFileSync(join(folder, 'weights.bin'), new Uint8Array(16))
      expect(external({ location: 'weights.bin', offset: 8, length: 8 }, folder)).toBe('none')
    })

    it.each(['/etc/passwd', '../weights.bin', 'a/../../weights.bin', 'C:\\weights.bin', '..\\weights.bin', ''])(
      'refuses the place %j',
      (location) => {
        expect(external({ location, offset: 0, length: 8 })).toMatch(/outside its folder|does not say where/)
      },
    )

    it('refuses a link that leads out of the folder', () => {
      symlinkSync('/etc/hostname', join(folder, 'link.bin'))
      expect(external({ location: 'link.bin', offset: 0, length: 1 }, folder)).toMatch(/leads out/)
    })

    it('refuses a file that is missing or too short', () => {
      writeFileSync(join(folder, 'short.bin'), new Uint8Array(4))
      expect(external({ location: 'none.bin', offset: 0, length: 8 }, folder)).toMatch(/there is no none.bin/)
      expect(external({ location: 'short.bin', offset: 0, length: 8 }, folder)).toMatch(/4 bytes of 8/)
      expect(external({ location: 'short.bin', offset: -1, length: 2 }, folder)).toMatch(/place/)
    })

    it('never lets a path out, whatever it is made of', () => {
      const part = fc.constantFrom('..', '.', 'a', 'weights.bin', '')
      fc.assert(
        fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
          const accepted = external({ location: parts.join('/'), offset: 0, length: 0 }) === 'none'
          expect(accepted && (parts.includes('..') || parts[0] === '')).toBe(false)
        }),
      )
    })
  })
})
