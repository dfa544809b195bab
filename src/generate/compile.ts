import type { NDArray } from '../runtime/array.ts'
import { Program, type ProgramOptions } from '../runtime/program.ts'
import type { Variables } from '../runtime/variables.ts'
import { type ProductPhase, quantiseProducts, type TracedTree, trace } from '../tensor/index.ts'
import type { EngineModel } from './engine-model.ts'

/** What a program over a model's forward pass may be told: its products are the kernel's in any case. */
export type ForwardProgramOptions = Omit<ProgramOptions, 'products'>

/**
 * Traces a function of a model's forward pass and compiles it; products of packed weights are computed as the phase wants, all
 * others by the kernel, where there is one: it sums a row alike whatever is beside it, as ONNX Runtime's products do not.
 *
 * @param types of the inputs, by name
 * @param variables the weights, and what else the function keeps; the model's own without it
 */
export async function compileFor<Types>(
  { stored = new Map(), variables: weights }: EngineModel,
  phase: ProductPhase,
  types: Types,
  body: (inputs: TracedTree<Types>) => unknown,
  options: ForwardProgramOptions,
  variables: Variables = weights,
): Promise<Program> {
  const { graph: traced } = trace(body, types)
  const graph = stored.size > 0 ? quantiseProducts(traced, stored, phase) : traced
  // Prompts and texts are programs of their own that take turns.
  return await Program.compile(graph, variables, { restBetweenRuns: true, ...options, products: 'kernel' })
}

/** A function of a model's forward pass that is compiled when it is first run. */
export class LazyProgram {
  private readonly compile: () => Promise<Program>
  private compiled: Promise<Program> | undefined

  constructor(compile: () => Promise<Program>) {
    this.compile = compile
  }

  /** Runs on the inputs in their order. */
  async run(inputs: readonly NDArray[]): Promise<readonly NDArray[]> {
    this.compiled ??= this.compile()
    return (await this.compiled).run(inputs)
  }

  async dispose(): Promise<void> {
    // Where it could not be compiled there is nothing to free, and whoever ran it was told.
    const program = await this.compiled?.catch(() => undefined)
    program?.dispose()
  }
}
