import { OnnxModel } from '../onnx/model.ts'

/** c = a + b over [B, 2] */
export function sum(): Uint8Array {
  const model = new OnnxModel()
  model.input('a', 'f32', ['B', 2])
  model.input('b', 'f32', ['B', 2])
  model.node({ operator: 'Add', inputs: ['a', 'b'], outputs: ['c'] })
  model.output('c', 'f32', ['B', 2])
  return model.encode()
}

/** y = x · xⁿ over [size, size]: enough work to be interrupted. */
export function power(products: number, size: number): Uint8Array {
  const model = new OnnxModel()
  model.input('x', 'f32', [size, size])
  for (let index = 0; index < products; index++) {
    const left = index === 0 ? 'x' : `power${index - 1}`
    const right = index === products - 1 ? 'y' : `power${index}`
    model.node({ operator: 'MatMul', inputs: [left, 'x'], outputs: [right] })
  }
  model.output('y', 'f32', [size, size])
  return model.encode()
}

/** y = value in a tensor of the shape that is fed. */
export function filled(): Uint8Array {
  const model = new OnnxModel()
  model.input('shape', 'i64', [2])
  model.node({ operator: 'ConstantOfShape', inputs: ['shape'], outputs: ['y'] })
  model.output('y', 'f32', ['rows', 'columns'])
  return model.encode()
}
