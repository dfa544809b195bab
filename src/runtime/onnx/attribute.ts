import { create } from '@bufbuild/protobuf'
import type { DType } from '../../tensor/dtype.ts'
import { dataTypeOf } from './datatype.ts'
import { type AttributeProto, AttributeProtoSchema, AttributeProto_AttributeType as AttributeType } from './onnx_pb.ts'

/** A float attribute: JavaScript's 1.0 is the integer 1, so that a float says what it is. */
export interface FloatAttribute {
  readonly float: number
}

/** A list of floats as an attribute. */
export interface FloatsAttribute {
  readonly floats: readonly number[]
}

/** A dtype as an attribute, as `Cast`'s `to` wants it. */
export interface DTypeAttribute {
  readonly dtype: DType
}

/** The value of a node's attribute: a bare number or bigint is an integer, an array a list of integers. */
export type AttributeValue =
  | number
  | bigint
  | boolean
  | string
  | readonly (number | bigint)[]
  | readonly string[]
  | FloatAttribute
  | FloatsAttribute
  | DTypeAttribute

/** Marks `value` as a float attribute. */
export function float(value: number): FloatAttribute {
  return { float: value }
}

/** Marks `values` as a list of floats. */
export function floats(values: readonly number[]): FloatsAttribute {
  return { floats: values }
}

const text = new TextEncoder()

function isStrings(value: readonly unknown[]): value is readonly string[] {
  return value.length > 0 && typeof value[0] === 'string'
}

/**
 * ONNX's message for one attribute.
 *
 * @throws RangeError for an integer attribute that is not an integer.
 */
export function attributeProto(name: string, value: AttributeValue): AttributeProto {
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
    case 'string':
      return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: text.encode(value) })
  }
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  if ('floats' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.floats] })
  if ('dtype' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(dataTypeOf(value.dtype)) })
  if (isStrings(value))
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRINGS,
      strings: value.map((item) => text.encode(item)),
    })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}
