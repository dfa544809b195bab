import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { R1Error } from '../errors.ts'
import type { Parameter, ScopeOptions } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { Variables } from '../runtime/variables.ts'
import { codedWeights, storeAsCodes } from './coded-weights.ts'
import { modelOf } from './families.ts'
import type { Model } from './model.ts'

/** A model and the values of its parameters. */
export interface LoadedModel {
  readonly model: Model
  readonly variables: Variables
}

export interface LoadOptions {
  /** Where the parameters are put; a store of its own without it. */
  readonly variables?: Variables
  /** What the model will be traced with: weights that it keeps as codes are loaded as such. */
  readonly scope?: ScopeOptions
  readonly signal?: AbortSignal
  /** Called with the elements read so far and in all. */
  readonly onProgress?: (done: number, total: number) => void
}

/** Tensors that many checkpoints hold and no model needs: tables that are computed, and heads of tied embeddings. */
const neverNeeded = [/\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/]

/** Names under which a checkpoint may hold a parameter: with the family's first part and without it. */
function namesOf(name: string, prefix: string): readonly string[] {
  return name.startsWith(prefix) ? [name, name.slice(prefix.length)] : [name, prefix + name]
}

const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')

function mismatch(checkpoint: Checkpoint, model: Model, found: string): R1Error {
  return new R1Error(
    'checkpoint-mismatch',
    `${checkpoint.path} does not fit its ${model.modelType} config: ${found}.`,
    {
      remedy: 'Check that config.json and weights belong together; `r1 inspect` lists the tensors.',
    },
  )
}

/** The checkpoint's tensor of each parameter. @throws R1Error `checkpoint-mismatch`, naming tensors that are missing, misshapen or unknown */
export function matchTensors(checkpoint: Checkpoint, model: Model): ReadonlyMap<Parameter, string> {
  const { tensors } = checkpoint
  const matched = new Map<Parameter, string>()
  const missing: string[] = []
  for (const parameter of model.parameters()) {
    const source = namesOf(parameter.name, model.prefix).find((name) => tensors.has(name))
    if (source === undefined) missing.push(parameter.name)
    else matched.set(parameter, source)
  }
  if (missing.length > 0) throw mismatch(checkpoint, model, `it holds no ${listed(missing)}`)
  for (const [{ tensor }, source] of matched) {
    const shape = tensors.get(source)?.shape.join() ?? ''
    if (shape === tensor.shape.join()) continue
    throw mismatch(checkpoint, model, `${source} is [${shape}], the config says [${tensor.shape}]`)
  }
  const used = new Set(matched.values())
  const needless = [...neverNeeded, ...model.ignored]
  const extra = [...tensors.keys()].filter((name) => !used.has(name) && !needless.some((rule) => rule.test(name)))
  if (extra.length > 0)
    throw mismatch(checkpoint, model, `it holds ${listed(extra)}, which the config has no place for`)
  return matched
}

/**
 * Loads a model: config.json tells the family, and every parameter is read straight into the memory it stays in, as f32
 * or, one after the other, as codes.
 *
 * @throws R1Error `unsupported-model`, `bad-config`, `checkpoint-mismatch`, `out-of-memory`, `aborted`, and what reading throws
 */
export async function loadModel(checkpoint: Checkpoint, options: LoadOptions = {}): Promise<LoadedModel> {
  const { variables = new Variables(), scope, signal, onProgress } = options
  const model = modelOf(checkpoint.config)
  const matched = matchTensors(checkpoint, model)
  const sizes = [...matched.keys()].map(({ tensor }) => tensor.shape.reduce<number>((a, b) => a * Number(b), 1))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const coded = codedWeights(model, scope)
  let done = 0
  for (const [{ name, tensor }, source] of matched) {
    if (signal?.aborted) throw new R1Error('aborted', 'Loading the model was stopped.', { cause: signal.reason })
    const array = NDArray.zeros(tensor.shape as readonly number[])
    await checkpoint.readFloat32(source, array.data)
    done += array.size
    const weight = coded.get(name)
    if (weight) storeAsCodes(variables, weight, array)
    if (weight && !weight.plain) array.dispose()
    else variables.put(name, array)
    onProgress?.(done, total)
  }
  return { model, variables }
}
