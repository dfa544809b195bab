import { R1Error } from '../errors.ts'
import {
  type CodedMatrix,
  type CodeFormat,
  codedTypes,
  type DType,
  given,
  type Initializer,
  type Tensor,
  type TensorType,
  variable,
} from '../tensor/index.ts'

/** Low-rank adapters (LoRA) for the linear layers whose name is accepted. */
export interface AdapterOptions {
  readonly rank: number
  /** The product of the adapter is scaled by alpha / rank. */
  readonly alpha: number
  /** Whether the layer with this name, as in the checkpoint without `.weight`, has an adapter. */
  accepts(layer: string): boolean
  /** What the frozen weights of these layers are stored as (QLoRA, arXiv:2305.14314); as the model has them without it. */
  readonly base?: CodeFormat | undefined
}

/** Names of the variables that hold a weight stored as codes. */
export const codedNames = {
  codes: (weight: string) => `${weight}.codes`,
  scales: (weight: string) => `${weight}.scales`,
} as const

export interface ScopeOptions {
  /** Whether the parameter with this name is trained; all without it, only adapters where there are any. */
  trainable?(name: string): boolean
  readonly adapter?: AdapterOptions
  readonly dtype?: DType
  /** Tensors that layers get in the place of parameters of these names. */
  readonly replaced?: ReadonlyMap<string, Tensor>
}

export interface Parameter {
  /** As in a Hugging Face checkpoint, for example `model.layers.0.mlp.up_proj.weight`. */
  readonly name: string
  readonly tensor: Tensor
  readonly trainable: boolean
}

/**
 * Where a model's parameters get their names. Layers ask a scope for parameters while they are traced; the scope makes
 * variables and remembers them, so that a training step can differentiate by them and a checkpoint can fill them.
 */
export class Scope {
  private readonly path: string
  private readonly known: Map<string, Parameter>
  readonly options: ScopeOptions

  constructor(options: ScopeOptions = {}, path = '', known = new Map<string, Parameter>()) {
    this.options = options
    this.path = path
    this.known = known
  }

  /** The scope of a part, such as `model.layers.0`. */
  child(name: string): Scope {
    return new Scope(this.options, this.join(name), this.known)
  }

  /** The same parameters, some of them replaced: what asks for one by its name gets the other tensor. */
  replacing(replaced: ReadonlyMap<string, Tensor>): Scope {
    return new Scope({ ...this.options, replaced }, this.path, this.known)
  }

  /** Full name of something in this scope. */
  join(name: string): string {
    return this.path ? `${this.path}.${name}` : name
  }

  /**
   * The parameter of this name; asked for twice it is the same tensor (tied weights).
   *
   * @throws R1Error `parameter-conflict` when it is asked for again in another shape
   */
  parameter(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    const { adapter, trainable, replaced } = this.options
    const full = this.join(name)
    const other = replaced?.get(full)
    if (other) return other
    return this.declare(full, shape, initializer, trainable?.(full) ?? (!adapter || full.includes('.lora_')))
  }

  /** As `parameter`, for what checkpoints keep but gradients do not train. */
  buffer(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    return this.declare(this.join(name), shape, initializer, false)
  }

  /**
   * A frozen matrix `[rows, columns]` as codes and scales, which must have been loaded so (`storeAsCodes`).
   *
   * @returns undefined where the format has no such rows
   */
  coded(name: string, extents: readonly [number, number], format: CodeFormat): CodedMatrix | undefined {
    const types = codedTypes(format, extents)
    if (!types) return undefined
    const of = (part: 'codes' | 'scales') => this.variable(codedNames[part](this.join(name)), types[part], given, false)
    return { format, codes: of('codes'), scales: of('scales') }
  }

  private declare(name: string, shape: readonly number[], initializer: Initializer, trainable: boolean): Tensor {
    return this.variable(name, { dtype: this.options.dtype ?? 'f32', shape }, initializer, trainable)
  }

  private variable(name: string, type: TensorType, initializer: Initializer, trainable: boolean): Tensor {
    const known = this.known.get(name)
    if (known) {
      if (known.tensor.shape.join() === type.shape.join()) return known.tensor
      throw new R1Error('parameter-conflict', `${name} is used as [${known.tensor.shape}] and as [${type.shape}].`)
    }
    const tensor = variable(name, type, initializer)
    this.known.set(name, { name, tensor, trainable })
    return tensor
  }

  /** All parameters asked for so far, in that order. */
  get parameters(): readonly Parameter[] {
    return [...this.known.values()]
  }

  get trainable(): readonly Parameter[] {
    return this.parameters.filter((parameter) => parameter.trainable)
  }
}
