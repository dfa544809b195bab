import type { Dimension } from './dimension.ts'
import type { Emitter } from './emitter.ts'
import { traceError } from './error.ts'
import { type Attributes, createNode, type GraphNode, type Tensor } from './graph.ts'
import { formatType, type TensorType } from './shape.ts'

/** Where a graph will run: decides which lowering of an operator is taken. */
export interface Target {
  readonly device: 'cpu' | 'webgpu'
  /** Names of the native operators that the loaded kernel library offers; empty where there is none. */
  readonly kernels: ReadonlySet<string>
  /** Whether the native kernel computes a matrix product, where both can; without it, those in bf16 and no others. */
  nativeProduct?(product: ProductShape): boolean
}

/** A matrix product `[rows, depth] · [depth, columns]` as a target judges it. */
export interface ProductShape {
  readonly rows: Dimension
  readonly depth: Dimension
  readonly columns: Dimension
  readonly precision: 'f32' | 'bf16'
}

/** A node seen by its backward rule. */
export interface GradientCall<A extends Attributes = Attributes> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  /** Gradient of the loss by each output; undefined where the loss does not depend on it. */
  readonly outputGradients: readonly (Tensor | undefined)[]
  readonly attributes: A
  /** Which inputs need a gradient. */
  readonly needs: readonly boolean[]
}

/** A node seen by its lowering: names of ONNX values, with types. */
export interface LowerCall<A extends Attributes = Attributes> {
  readonly inputs: readonly string[]
  readonly inputTypes: readonly TensorType[]
  readonly outputTypes: readonly TensorType[]
  /** Which outputs anyone uses; an unused one may be left out. */
  readonly used: readonly boolean[]
  readonly attributes: A
}

/** A native kernel behind an operator: a node of the domain `r1`. */
export interface KernelLowering<A extends Attributes = Attributes> {
  /** Name of the native operator. */
  readonly operator: string
  /** Whether the kernel takes these inputs; without it, it takes all. */
  supports?(inputs: readonly TensorType[], attributes: A, target: Target): boolean
  lower(emitter: Emitter, call: LowerCall<A>): readonly string[]
}

/**
 * One entry of the op table. Shape rule and gradient hold everywhere; of the lowerings the first that fits the target is
 * taken: the native kernel, then `lower` (stock ONNX nodes) where `supports` allows it, then `composite`
 * (other operators of this table, also the reference that the kernels are tested against).
 */
export interface Operator<A extends Attributes = Attributes> {
  readonly name: string
  /** One sentence for docs/ops.md. */
  readonly summary: string
  /** Types of the outputs. Throws through `traceError` where the inputs do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[]
  /** Gradients of the inputs; without it, or where it gives undefined, the composite is differentiated. */
  gradient?(call: GradientCall<A>): readonly (Tensor | undefined)[] | undefined
  /** The output does not change with small changes of the inputs (comparisons, indices), or shall not be seen to. */
  readonly constant?: boolean
  supports?(inputs: readonly TensorType[], attributes: A, target: Target): boolean
  lower?(emitter: Emitter, call: LowerCall<A>): readonly string[]
  composite?(inputs: readonly Tensor[], attributes: A): readonly Tensor[]
  readonly kernel?: KernelLowering<A>
  /** Operators whose stock form ONNX Runtime computes on the CPU only. */
  readonly cpuOnly?: boolean
  /** Output i may be written over the memory of input i: each element depends on no other element of it. */
  readonly elementwise?: boolean
  /** An output may be written over the memory of the input that it updates: the kernel reads each element before it writes it. */
  readonly overwrites?: boolean
  /** The inputs are broadcast together, so that none needs to be repeated beforehand. */
  readonly broadcasts?: boolean
}

const table = new Map<string, Operator>()

/** Adds an entry to the op table and returns it. */
export function defineOperator<A extends Attributes>(operator: Operator<A>): Operator<A> {
  if (table.has(operator.name)) throw new Error(`The operator ${operator.name} is defined twice.`)
  table.set(operator.name, operator as Operator)
  return operator
}

/** The op table, in the order of definition. */
export function operators(): readonly Operator[] {
  return [...table.values()]
}

/**
 * Calls an operator: checks the inputs by its shape rule and returns the symbolic outputs.
 *
 * @throws R1Error `shape-mismatch` or `dtype-mismatch`, naming the operator, the types and the caller's line.
 */
export function apply<A extends Attributes>(
  operator: Operator<A>,
  inputs: readonly Tensor[],
  attributes: A,
): readonly Tensor[] {
  const types = checked(operator.name, inputs, () => operator.infer(inputs, attributes))
  return createNode(operator as Operator, inputs, attributes, types).outputs
}

/** Runs a check outside a shape rule so that its complaint names the function, the inputs and the caller's line too. */
export function checked<Result>(name: string, inputs: readonly TensorType[], body: () => Result): Result {
  try {
    return body()
  } catch (error) {
    throw traceError(error, name, inputs.map(formatType))
  }
}

/** The only output of a call. */
export function applyOne<A extends Attributes>(
  operator: Operator<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  const [output] = apply(operator, inputs, attributes)
  if (!output) throw new Error(`${operator.name} has no output.`)
  return output
}

/** Makes the same call again on other inputs (passes and recomputation). */
export function reapply(node: GraphNode, inputs: readonly Tensor[]): readonly Tensor[] {
  return createNode(
    node.operator,
    inputs,
    node.attributes,
    node.operator.infer(inputs, node.attributes),
    node.checkpoint,
  ).outputs
}
