import { create, toBinary } from '@bufbuild/protobuf'
import type { DType } from '../../tensor/dtype.ts'
import { type AttributeValue, attributeProto } from './attribute.ts'
import { dataTypeOf } from './datatype.ts'
import {
  TensorProto_DataLocation as DataLocation,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts'

/** One axis of a value: a number, or a name for a length that is known only at run time. */
export type Dimension = number | string

/** Where an initializer's bytes lie: a file beside the model, whose path is relative to the model's folder. */
export interface ExternalData {
  readonly location: string
  /** Bytes from the file's beginning. */
  readonly offset: number
  /** Bytes. */
  readonly length: number
}

/** One operator of a graph. Empty names stand for inputs and outputs that are left out. */
export interface NodeSpecification {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  /** '' is ONNX's own domain. */
  readonly domain?: string
  /** Shown in profiles and error messages. */
  readonly name?: string
}

/** Which versions of the operator sets a model uses: ONNX 21, ONNX Runtime's own operators, and this package's kernels. */
export const operatorSets: Readonly<Record<string, number>> = { '': 21, 'com.microsoft': 1, r1: 1 }

/** Version of ONNX's file format (10 came with operator set 21). */
export const formatVersion = 10

/** An ONNX model under construction. */
export class OnnxModel {
  readonly #nodes: NodeProto[] = []
  readonly #initializers: TensorProto[] = []
  readonly #inputs: ValueInfoProto[] = []
  readonly #outputs: ValueInfoProto[] = []
  readonly #values: ValueInfoProto[] = []

  /** Number of nodes so far. */
  get nodeCount(): number {
    return this.#nodes.length
  }

  /** Declares an input that is fed at every run. */
  input(name: string, dtype: DType, shape: readonly Dimension[]): void {
    this.#inputs.push(valueInfo(name, dtype, shape))
  }

  /** Declares that the value `name` is fetched. */
  output(name: string, dtype: DType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, dtype, shape))
  }

  /** Declares the type of a value inside the graph: ONNX Runtime plans no memory behind a custom operator without it. */
  value(name: string, dtype: DType, shape: readonly Dimension[]): void {
    this.#values.push(valueInfo(name, dtype, shape))
  }

  /** Appends an operator; nodes must come in an order in which every input exists already. */
  node(specification: NodeSpecification): void {
    const { operator, inputs, outputs, attributes, domain, name } = specification
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType: operator,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes ?? {}).map(([key, value]) => attributeProto(key, value)),
        ...(domain ? { domain } : {}),
        ...(name ? { name } : {}),
      }),
    )
  }

  /**
   * Adds a constant.
   *
   * @param data little-endian bytes in row-major order, or the place in a file beside the model
   */
  initializer(name: string, dtype: DType, shape: readonly number[], data: Uint8Array | ExternalData): void {
    const tensor = create(TensorProtoSchema, { name, dataType: dataTypeOf(dtype), dims: shape.map(BigInt) })
    if (data instanceof Uint8Array) tensor.rawData = data
    else {
      tensor.dataLocation = DataLocation.EXTERNAL
      tensor.externalData = Object.entries(data).map(([key, value]) => ({
        $typeName: 'onnx.StringStringEntryProto',
        key,
        value: String(value),
      }))
    }
    this.#initializers.push(tensor)
  }

  /** The model as ONNX's message. */
  proto(): ModelProto {
    return create(ModelProtoSchema, {
      irVersion: BigInt(formatVersion),
      producerName: 'deepseek-r1',
      opsetImport: Object.entries(operatorSets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
      graph: {
        name: 'graph',
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
        valueInfo: this.#values,
      },
    })
  }

  /** The model as a file's bytes. */
  encode(): Uint8Array {
    return toBinary(ModelProtoSchema, this.proto())
  }
}

function valueInfo(name: string, dtype: DType, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((axis) =>
    typeof axis === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(axis) } }
      : { value: { case: 'dimParam' as const, value: axis } },
  )
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: dataTypeOf(dtype), shape: { dim } } } },
  })
}
