import { R1Error } from '../errors.ts'
import { type Dimension, dimensionTerms } from '../tensor/dimension.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Emitter, NodeOptions, OnnxAttribute } from '../tensor/emitter.ts'
import { encodeValues } from '../tensor/encode.ts'
import type { Graph, GraphNode, Tensor } from '../tensor/graph.ts'
import type { LowerCall, Target } from '../tensor/operator.ts'
import { loweringOf } from '../tensor/passes/index.ts'
import type { Shape, TensorType } from '../tensor/shape.ts'
import { inputOperator } from '../tensor/trace.ts'
import { OnnxModel } from './onnx/model.ts'

/** A value that goes in or out of a lowered graph. */
export interface Port {
  readonly name: string
  readonly type: TensorType
}

/** A graph as an ONNX model, and the names under which its values go in and out. */
export interface LoweredGraph {
  readonly model: Uint8Array
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly nodeCount: number
}

/** Where large constants go instead of into the model: a file beside it. */
export interface ExternalFile {
  /** Name of the file, relative to the model's folder. */
  readonly location: string
  /** Writes bytes at the end. @returns where they begin */
  append(bytes: Uint8Array): number
}

export interface LowerOptions {
  /** Constants above `externalBytes` are written there. */
  readonly external?: ExternalFile
  /** Values of inputs that become constants of the model. */
  constantBytes?(input: Tensor): Uint8Array | undefined
}

interface EmittedNode {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  readonly domain: string
  readonly name: string
}

/** Bytes from which a constant goes to the external file, where there is one. */
const externalBytes = 1024

/** Bytes up to which equal constants are found by their content. */
const smallConstant = 256

class GraphEmitter implements Emitter {
  readonly device: Target['device']
  readonly nodes: EmittedNode[] = []
  readonly types = new Map<string, TensorType>()
  private readonly initializers = new Map<string, { dtype: DType; shape: readonly number[]; bytes: Uint8Array }>()
  private readonly constants = new Map<string, string>()
  private readonly dimensions = new Map<string, string>()
  private readonly shapes = new Map<string, string>()
  private readonly sources: ReadonlyMap<string, { input: string; axis: number }>
  /** Name of the graph node being lowered: profiles show it. */
  label = ''

  constructor(device: Target['device'], inputs: readonly Port[]) {
    this.device = device
    const sources = new Map<string, { input: string; axis: number }>()
    for (const { name, type } of inputs) {
      type.shape.forEach((extent, axis) => {
        if (typeof extent === 'string' && !sources.has(extent)) sources.set(extent, { input: name, axis })
      })
    }
    this.sources = sources
  }

  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    options: NodeOptions = {},
  ): readonly string[] {
    const wanted = options.outputs ?? options.types?.length ?? 1
    const present = typeof wanted === 'number' ? Array.from({ length: wanted }, () => true) : wanted
    const id = this.nodes.length
    const outputs = present.map((used, index) => (used ? `t${id}${index === 0 ? '' : `.${index}`}` : ''))
    const name = `${this.label}/${operator}.${id}`
    this.nodes.push({
      operator,
      inputs: trimmed(inputs),
      outputs: trimmed(outputs),
      attributes,
      domain: options.domain ?? '',
      name,
    })
    options.types?.forEach((type, index) => {
      const output = outputs[index]
      if (output) this.types.set(output, type)
    })
    return outputs
  }

  value(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    options: NodeOptions = {},
  ): string {
    return this.node(operator, inputs, attributes, options)[0] as string
  }

  constant(dtype: DType, shape: readonly number[], values: readonly number[] | ArrayBufferView): string {
    const bytes = ArrayBuffer.isView(values)
      ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      : encodeValues(dtype, values)
    const key = bytes.byteLength <= smallConstant ? `${dtype}[${shape}]:${bytes}` : undefined
    const known = key && this.constants.get(key)
    if (known) return known
    const name = `c${this.initializers.size}`
    this.initializers.set(name, { dtype, shape, bytes })
    if (key) this.constants.set(key, name)
    return name
  }

  shape(shape: Shape): string {
    if (shape.every((extent) => typeof extent === 'number'))
      return this.constant('i64', [shape.length], shape as number[])
    const key = JSON.stringify(shape)
    const extents = () => shape.map((extent) => this.extent(extent))
    const known = this.shapes.get(key) ?? this.value('Concat', extents(), { axis: 0 })
    this.shapes.set(key, known)
    return known
  }

  reshapeShape(shape: Shape): string {
    const named = shape.filter((extent) => typeof extent === 'string')
    if (named.length > 1) return this.shape(shape)
    const extents = shape.map((extent) => (typeof extent === 'string' ? -1 : extent))
    return this.constant('i64', [shape.length], extents)
  }

  dimension(dimension: Dimension, dtype: DType): string {
    if (typeof dimension === 'number') return this.constant(dtype, [], [dimension])
    const scalar = this.value('Reshape', [this.extent(dimension), this.constant('i64', [0], [])])
    return dtype === 'i64'
      ? scalar
      : this.value('Cast', [scalar], { to: dtype === 'f64' ? 11 : dtype === 'i32' ? 6 : 1 })
  }

  /** An extent as an i64 vector of one element. */
  private extent(dimension: Dimension): string {
    if (typeof dimension === 'number') return this.constant('i64', [1], [dimension])
    const known = this.dimensions.get(dimension)
    if (known) return known
    const terms = dimensionTerms(dimension).map(({ coefficient, names }) =>
      names
        .map((name) => this.namedExtent(name))
        .reduce((product, extent) => this.value('Mul', [product, extent]), this.constant('i64', [1], [coefficient])),
    )
    const total = terms.reduce((sum, term) => this.value('Add', [sum, term]))
    this.dimensions.set(dimension, total)
    return total
  }

  private namedExtent(name: string): string {
    const source = this.sources.get(name)
    if (!source) {
      throw new R1Error('unknown-dimension', `No input has the dimension '${name}'.`, {
        remedy: 'Every named dimension must be the extent of some input.',
      })
    }
    return this.value('Shape', [source.input], { start: source.axis, end: source.axis + 1 })
  }

  writeInitializers(model: OnnxModel, external: ExternalFile | undefined): void {
    for (const [name, { dtype, shape, bytes }] of this.initializers) {
      writeInitializer(model, { name, type: { dtype, shape } }, bytes, external)
    }
  }
}

function writeInitializer(model: OnnxModel, { name, type }: Port, bytes: Uint8Array, external?: ExternalFile): void {
  const shape = type.shape as readonly number[]
  const length = bytes.byteLength
  const data =
    external && length >= externalBytes
      ? { location: external.location, offset: external.append(bytes), length }
      : bytes
  model.initializer(name, type.dtype, shape, data)
}

/** Names without the empty ones at the end, which stand for inputs or outputs that are left out. */
function trimmed(names: readonly string[]): string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1)
}

/** Distinct names for the inputs: their own, cleaned for ONNX. */
function inputPorts(inputs: readonly Tensor[]): Port[] {
  const taken = new Set<string>()
  return inputs.map((tensor, index) => {
    const wish = String(tensor.node.attributes.name) || `input${index}`
    const name = taken.has(wish) ? `${wish}#${index}` : wish
    taken.add(name)
    return { name, type: { dtype: tensor.dtype, shape: tensor.shape } }
  })
}

function usedTensors(graph: Graph): Set<Tensor> {
  return new Set([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)])
}

function lowerNode(emitter: GraphEmitter, node: GraphNode, call: LowerCall, target: Target): readonly string[] {
  const { operator } = node
  emitter.label = operator.name
  const form = loweringOf(node, target)
  if (form === 'kernel' && operator.kernel) return operator.kernel.lower(emitter, call)
  if (form === 'stock' && operator.lower) return operator.lower(emitter, call)
  throw new R1Error('not-lowered', `${operator.name} has no form for the device '${target.device}'.`, {
    remedy: 'Call optimize() on the graph first; docs/ops.md lists the devices of each operator.',
  })
}

/**
 * Lowers an optimised graph to ONNX.
 *
 * @param graph as `optimize` returns it for the same target
 * @throws R1Error `not-lowered` for an operator without a form on the target
 */
export function lowerGraph(graph: Graph, target: Target, options: LowerOptions = {}): LoweredGraph {
  const inputs = inputPorts(graph.inputs)
  const emitter = new GraphEmitter(target.device, inputs)
  const names = new Map<Tensor, string>(graph.inputs.map((tensor, index) => [tensor, (inputs[index] as Port).name]))
  const used = usedTensors(graph)
  for (const node of graph.nodes) {
    if (node.operator === inputOperator) continue
    const call: LowerCall = {
      inputs: node.inputs.map((tensor) => names.get(tensor) as string),
      inputTypes: node.inputs,
      outputTypes: node.outputs,
      used: node.outputs.map((tensor) => used.has(tensor)),
      attributes: node.attributes,
    }
    const outputs = lowerNode(emitter, node, call, target)
    for (const [index, tensor] of node.outputs.entries()) {
      const name = outputs[index]
      if (!name) continue
      names.set(tensor, name)
      emitter.types.set(name, tensor)
    }
  }
  return encode(emitter, graph, inputs, names, options)
}

/** Gives the outputs their names, through Identity where a value is also an input, a constant or another output. */
function encode(
  emitter: GraphEmitter,
  graph: Graph,
  inputs: readonly Port[],
  names: ReadonlyMap<Tensor, string>,
  { external, constantBytes }: LowerOptions,
): LoweredGraph {
  const produced = new Set(emitter.nodes.flatMap((node) => node.outputs))
  const renamed = new Map<string, string>()
  emitter.label = 'output'
  const outputs = graph.outputs.map((tensor, index): Port => {
    const port: Port = { name: `output.${index}`, type: { dtype: tensor.dtype, shape: tensor.shape } }
    let value = names.get(tensor) as string
    if (!produced.has(value) || renamed.has(value)) value = emitter.value('Identity', [value])
    renamed.set(value, port.name)
    return port
  })
  const model = new OnnxModel()
  const final = (name: string): string => renamed.get(name) ?? name
  const open = inputs.filter((port, index) => {
    const bytes = constantBytes?.(graph.inputs[index] as Tensor)
    if (bytes) writeInitializer(model, port, bytes, external)
    return !bytes
  })
  for (const { name, type } of open) model.input(name, type.dtype, type.shape)
  for (const { name, type } of outputs) model.output(name, type.dtype, type.shape)
  emitter.writeInitializers(model, external)
  for (const [name, type] of emitter.types) {
    if (produced.has(name) && !renamed.has(name)) model.value(name, type.dtype, type.shape)
  }
  for (const node of emitter.nodes) {
    model.node({ ...node, inputs: node.inputs.map(final), outputs: node.outputs.map(final) })
  }
  return { model: model.encode(), inputs: open, outputs, nodeCount: emitter.nodes.length }
}
