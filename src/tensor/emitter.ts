import type { Dimension } from './dimension.ts'
import type { DType } from './dtype.ts'
import type { Shape, TensorType } from './shape.ts'

/** An attribute of an ONNX node. A `number` is an integer; floats are wrapped so that 1.0 stays a float. */
export type OnnxAttribute =
  | number
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | readonly number[]

export interface NodeOptions {
  /** ONNX domain: the standard one without a name, `com.microsoft`, or `r1` for native kernels. */
  readonly domain?: '' | 'com.microsoft' | 'r1'
  /** Number of outputs (one without it), or for each output whether it is wanted. */
  readonly outputs?: number | readonly boolean[]
  /** Types of the outputs, where they are known: without them ONNX Runtime cannot plan memory behind custom operators. */
  readonly types?: readonly TensorType[]
}

/** What the lowerings of the op table write to; the runtime implements it. Values are named by strings. */
export interface Emitter {
  readonly device: 'cpu' | 'webgpu'
  /** Emits an ONNX node and returns the names of its outputs. An input named `''` is left out. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    options?: NodeOptions,
  ): readonly string[]
  /** The same for a node with one output. */
  value(
    operator: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    options?: NodeOptions,
  ): string
  /** A constant; equal small constants are emitted once. `values` are numbers in the dtype's range, or raw bytes. */
  constant(dtype: DType, shape: readonly number[], values: readonly number[] | ArrayBufferView): string
  /** An i64 vector with the extents of a shape; named dimensions are computed from the inputs at run time. */
  shape(shape: Shape): string
  /** A shape for Reshape: one named extent becomes −1. */
  reshapeShape(shape: Shape): string
  /** A scalar with the value of a dimension. */
  dimension(dimension: Dimension, dtype: DType): string
}
