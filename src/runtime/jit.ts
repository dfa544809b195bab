import { R1Error } from '../errors.ts'
import type { Shape } from '../tensor/index.ts'
import { flatten, isTensor, mapTree, type Tensor, type TensorType, type TracedTree, trace } from '../tensor/index.ts'
import { NDArray } from './array.ts'
import { Program, type ProgramOptions, type ProgramStatistics } from './program.ts'
import type { RunOptions } from './session.ts'
import { Variables } from './variables.ts'

export interface JitOptions extends ProgramOptions {
  /** Where variables live; a store of its own without it. */
  readonly variables?: Variables
  /**
   * Named dimensions by the path of an input, for example `{ ids: ['batch', 256] }`: inputs that differ only in named
   * extents share one traced graph.
   */
  readonly dimensions?: Readonly<Record<string, Shape>>
}

/** A structure of arrays in the place of each tensor. */
export type ArrayTree<Traced> = Traced extends Tensor
  ? NDArray
  : { readonly [Key in keyof Traced]: ArrayTree<Traced[Key]> }

/** How often a traced graph was run, and what it took to make. */
export interface CompilationStatistics extends ProgramStatistics {
  /** Types of the inputs by path. */
  readonly signature: string
  readonly traceMs: number
  readonly runs: number
}

interface Compilation<Result> {
  readonly signature: string
  readonly traceMs: number
  readonly result: Result
  readonly program: Program
  runs: number
}

/**
 * A function of symbolic tensors that runs on arrays: it is traced once for each set of input types, compiled and kept.
 *
 * @example
 * const norm = jit(({ x }: { x: Tensor }) => sqrt(sum(multiply(x, x))))
 * const length = await norm.run({ x: NDArray.from([3, 4]) })   // 5
 */
export class Jit<Inputs, Result> {
  readonly variables: Variables
  private readonly body: (inputs: Inputs) => Result
  private readonly options: JitOptions
  private readonly compilations = new Map<string, Compilation<Result>>()
  private readonly pending = new Map<string, Promise<Compilation<Result>>>()
  private disposed = false

  constructor(body: (inputs: Inputs) => Result, options: JitOptions = {}) {
    this.body = body
    this.options = options
    this.variables = options.variables ?? new Variables(0, options.device)
  }

  /**
   * Runs on arrays in the structure of the inputs, without blocking the event loop.
   *
   * @throws R1Error of the trace (wrong shapes and dtypes), of the session, or `aborted`
   */
  async run(inputs: ArrayTree<Inputs>, options?: RunOptions): Promise<ArrayTree<Result>> {
    const { signature, specs, arrays } = this.describe(inputs)
    let compilation = this.compilations.get(signature)
    if (!compilation) {
      let pending = this.pending.get(signature)
      if (!pending) {
        pending = this.compile(signature, specs)
        this.pending.set(signature, pending)
        pending.finally(() => this.pending.delete(signature)).catch(() => undefined)
      }
      compilation = await pending
    }
    const outputs = await compilation.program.run(arrays, options)
    return this.assemble(compilation, outputs)
  }

  /** As `run`, blocking. */
  runSync(inputs: ArrayTree<Inputs>): ArrayTree<Result> {
    const { signature, specs, arrays } = this.describe(inputs)
    const compilation = this.compilations.get(signature) ?? this.compileSync(signature, specs)
    return this.assemble(compilation, compilation.program.runSync(arrays))
  }

  /** Compiles for the types of these inputs without running. */
  async prepare(inputs: ArrayTree<Inputs>): Promise<CompilationStatistics> {
    const { signature, specs } = this.describe(inputs)
    const compilation = this.compilations.get(signature) ?? (await this.compile(signature, specs))
    return statisticsOf(compilation)
  }

  /** What was traced so far. */
  stats(): readonly CompilationStatistics[] {
    return [...this.compilations.values()].map(statisticsOf)
  }

  /** Ends profiling of every compilation; paths of the profiles. */
  endProfiling(): string[] {
    return [...this.compilations.values()].map(({ program }) => program.endProfiling())
  }

  /** Frees the sessions; variables belong to their store and stay. */
  dispose(): void {
    this.disposed = true
    for (const { program } of this.compilations.values()) program.dispose()
    this.compilations.clear()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private describe(inputs: ArrayTree<Inputs>) {
    if (this.disposed) throw new R1Error('disposed', 'This compiled function has been disposed.')
    const arrays: NDArray[] = []
    const parts: string[] = []
    const specs = mapTree(inputs, isArray, (array, path): TensorType => {
      const shape = this.options.dimensions?.[path] ?? array.shape
      arrays.push(array)
      parts.push(`${path}:${array.dtype}[${shape}]`)
      return { dtype: array.dtype, shape }
    })
    return { signature: parts.join(' '), specs, arrays }
  }

  private trace(specs: unknown) {
    const started = performance.now()
    const traced = trace((tensors: TracedTree<unknown>) => this.body(tensors as Inputs), specs)
    return { ...traced, traceMs: performance.now() - started }
  }

  private async compile(signature: string, specs: unknown): Promise<Compilation<Result>> {
    const { graph, result, traceMs } = this.trace(specs)
    return this.keep(signature, traceMs, result, await Program.compile(graph, this.variables, this.options))
  }

  private compileSync(signature: string, specs: unknown): Compilation<Result> {
    const { graph, result, traceMs } = this.trace(specs)
    return this.keep(signature, traceMs, result, Program.compileSync(graph, this.variables, this.options))
  }

  private keep(signature: string, traceMs: number, result: Result, program: Program): Compilation<Result> {
    const compilation = { signature, traceMs, result, program, runs: 0 }
    this.compilations.set(signature, compilation)
    return compilation
  }

  private assemble(compilation: Compilation<Result>, outputs: readonly NDArray[]): ArrayTree<Result> {
    compilation.runs++
    const order = flatten(compilation.result, isTensor).map(([path]) => path)
    const byPath = new Map(order.map((path, index) => [path, outputs[index]]))
    return mapTree(compilation.result, isTensor, (_, path) => byPath.get(path)) as ArrayTree<Result>
  }
}

function statisticsOf<Result>({ signature, traceMs, runs, program }: Compilation<Result>): CompilationStatistics {
  return { signature, traceMs, runs, ...program.statistics }
}

function isArray(value: unknown): value is NDArray {
  return value instanceof NDArray
}

/** Makes a function of symbolic tensors run on arrays. */
export function jit<Inputs, Result>(body: (inputs: Inputs) => Result, options: JitOptions = {}): Jit<Inputs, Result> {
  return new Jit(body, options)
}
