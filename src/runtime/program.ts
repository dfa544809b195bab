import { R1Error } from '../errors.ts'
import { evaluateDimension } from '../tensor/dimension.ts'
import type { Assignment, Graph } from '../tensor/graph.ts'
import { initializerOf, optimize, type ProductShape, type Target, type Tensor } from '../tensor/index.ts'
import type { NDArray } from './array.ts'
import type { Device } from './device.ts'
import { inPlaceAssignments } from './in-place.ts'
import { kernelLibrary } from './kernels.ts'
import { type LoweredGraph, lowerGraph } from './lower.ts'
import { type PrecisionOptions, withPrecision } from './precision.ts'
import { isNativeProduct, type ProductChoice, productRule } from './products/rule.ts'
import type { Arrays, BoundRun, RunOptions, Session } from './session.ts'
import { createSession, createSessionSync } from './session.ts'
import { zerosOn } from './transfer.ts'
import type { Variables } from './variables.ts'

export interface ProgramOptions extends PrecisionOptions {
  readonly device?: Device
  readonly threads?: number
  /** Waiting threads burn the processor for a moment; on by default. */
  readonly spinning?: boolean
  /** Threads stop spinning when a run ends: for programs that take turns with others. Off by default. */
  readonly restBetweenRuns?: boolean
  /** Whether the native kernels may be used; on by default. */
  readonly kernels?: boolean
  /** Which matrix products are the kernel's; without it, what this process decides (`productRule`). */
  readonly products?: ProductChoice
  /** Whether state is updated in its own memory where that is safe, or always in a second buffer. */
  readonly state?: 'in-place' | 'swapped'
  /** Return the same output arrays from every run instead of new ones. */
  readonly reuseOutputs?: boolean
  /** Prefix of a profile of every operator. */
  readonly profile?: string
}

/** What it took to make a program, in milliseconds, and its size. */
export interface ProgramStatistics {
  readonly nodes: number
  readonly bytes: number
  readonly optimizeMs: number
  readonly lowerMs: number
  readonly sessionMs: number
}

/** The target of the options: which lowering of each operator is taken. */
export function targetOf({ device = 'cpu', kernels = true, products }: ProgramOptions): Target {
  if (!kernels || device !== 'cpu') return { device, kernels: new Set() }
  const choice = products ?? productRule().choice
  const nativeProduct = (product: ProductShape) => isNativeProduct(choice, product)
  return { device, kernels: kernelLibrary().operators, nativeProduct }
}

interface Prepared {
  readonly graph: Graph
  readonly lowered: LoweredGraph
  readonly sessionOptions: Parameters<typeof createSession>[1]
  readonly times: { optimizeMs: number; lowerMs: number }
}

/** Inputs whose values become part of the program. */
const isFrozen = ({ node }: Tensor): boolean => node.attributes.frozen === true

function prepare(traced: Graph, variables: Variables, options: ProgramOptions): Prepared {
  const target = targetOf(options)
  const started = performance.now()
  const graph = optimize(withPrecision(traced, target, options), target)
  const optimized = performance.now()
  const constantBytes = (tensor: Tensor) =>
    isFrozen(tensor) ? variables.ensure(tensor, String(tensor.node.attributes.name)).bytes : undefined
  const lowered = lowerGraph(graph, target, { constantBytes })
  const { device = 'cpu', threads, spinning, restBetweenRuns, profile } = options
  const library = target.kernels.size > 0 ? kernelLibrary().path : undefined
  // A plan of all memory at once would need it beside what the first run had taken piece by piece.
  const sessionOptions = {
    device,
    threads,
    spinning,
    restBetweenRuns,
    profile,
    libraries: library ? [library] : [],
    memoryPattern: false,
  }
  const times = { optimizeMs: optimized - started, lowerMs: performance.now() - optimized }
  const inputs = graph.inputs.filter((tensor) => !isFrozen(tensor))
  return { graph: { ...graph, inputs }, lowered, sessionOptions, times }
}

/** How an output of the session gets its memory. */
type Fetch = { readonly kind: 'result' } | { readonly kind: 'state'; readonly input: number; readonly inPlace: boolean }

/** A run bound to arrays, kept for the next call with the same arrays. */
interface Binding {
  readonly feeds: readonly NDArray[]
  readonly fetches: readonly (NDArray | undefined)[]
  /** Names of the results that it leaves out. */
  readonly absent: ReadonlySet<string>
  readonly run: BoundRun
}

/** A run over the same arrays again and again. */
export interface KeptRun {
  /** @returns one array for each result, the same in every run; undefined for those left out */
  run(options?: RunOptions): Promise<(NDArray | undefined)[]>
  /** Frees the results too, not the inputs. */
  dispose(): void
}

/** A traced graph made executable: a session, and the memory of its state. */
export class Program {
  readonly statistics: ProgramStatistics
  private readonly graph: Graph
  private readonly lowered: LoweredGraph
  private readonly session: Session
  private readonly variables: Variables
  private readonly options: ProgramOptions
  private readonly fetches: readonly Fetch[]
  /** Second buffers of state that is not updated in place, by input. */
  private readonly spares = new Map<number, NDArray>()
  private bindings: Binding[] = []

  private constructor(
    prepared: Prepared,
    session: Session,
    sessionMs: number,
    variables: Variables,
    options: ProgramOptions,
  ) {
    const { graph, lowered, times } = prepared
    this.graph = graph
    this.lowered = lowered
    this.session = session
    this.variables = variables
    this.options = options
    this.statistics = { nodes: lowered.nodeCount, bytes: lowered.model.byteLength, ...times, sessionMs }
    // WebGPU forbids one buffer as input and output of a shader.
    const swapped = options.state === 'swapped' || options.device === 'webgpu'
    this.fetches = fetchesOf(graph, swapped ? new Set() : inPlaceAssignments(graph))
  }

  /** Compiles a traced graph without blocking the event loop for the session's part. */
  static async compile(graph: Graph, variables: Variables, options: ProgramOptions = {}): Promise<Program> {
    const prepared = prepare(graph, variables, options)
    const started = performance.now()
    const session = await createSession(prepared.lowered.model, prepared.sessionOptions)
    return new Program(prepared, session, performance.now() - started, variables, options)
  }

  static compileSync(graph: Graph, variables: Variables, options: ProgramOptions = {}): Program {
    const prepared = prepare(graph, variables, options)
    const started = performance.now()
    const session = createSessionSync(prepared.lowered.model, prepared.sessionOptions)
    return new Program(prepared, session, performance.now() - started, variables, options)
  }

  /** Number of results: outputs of the traced function, without state updates. */
  get resultCount(): number {
    return this.fetches.filter((fetch) => fetch.kind === 'result').length
  }

  /** Whether runs can be kept: no state moves from one buffer to another. */
  get canKeep(): boolean {
    return this.fetches.every((fetch) => fetch.kind !== 'state' || fetch.inPlace)
  }

  /**
   * Runs without blocking the event loop.
   *
   * @param inputs one array for each input that is no variable, in order
   * @returns one array for each result
   */
  async run(inputs: readonly NDArray[], options?: RunOptions): Promise<NDArray[]> {
    return (await this.runWithout([], inputs, options)) as NDArray[]
  }

  /**
   * As `run`, without some results: what they are computed from never leaves the session.
   *
   * @param without numbers of results
   * @returns undefined in their places
   */
  async runWithout(
    without: readonly number[],
    inputs: readonly NDArray[],
    options?: RunOptions,
  ): Promise<(NDArray | undefined)[]> {
    const binding = this.bind(inputs, without)
    const arrays = await binding.run.run(options)
    return this.finish(binding, arrays)
  }

  /**
   * Binds a run to inputs that are filled anew before each of its runs: of a short one, binding is a part that counts. The
   * variables must stay the arrays that they are.
   *
   * @param without as for `runWithout`
   * @throws R1Error `not-in-place` where it cannot be kept
   */
  keep(inputs: readonly NDArray[], without: readonly number[] = []): KeptRun {
    if (!this.canKeep) {
      throw new R1Error('not-in-place', 'State of this program moves from one buffer to another with every run.', {
        remedy: "Use `run`, or compile with `state: 'in-place'` what can be updated in its own memory.",
      })
    }
    const absent = new Set(without.map((result) => this.resultName(result)))
    const { run } = this.bound(this.feeds(inputs), absent)
    const known = this.resultsOf(run.outputs)
    return {
      run: async (options) => {
        const results = this.resultsOf(await run.run(options))
        // What only the run can tell the length of is new each time.
        for (const [index, result] of results.entries()) {
          if (known[index] !== result) known[index]?.dispose()
          known[index] = result
        }
        return results
      },
      dispose: () => {
        run.dispose()
        for (const result of known) result?.dispose()
      },
    }
  }

  runSync(inputs: readonly NDArray[]): NDArray[] {
    const binding = this.bind(inputs)
    return this.finish(binding, binding.run.runSync()) as NDArray[]
  }

  /** Ends profiling; the path of the profile. */
  endProfiling(): string {
    return this.session.endProfiling()
  }

  dispose(): void {
    this.release()
    for (const spare of this.spares.values()) spare.dispose()
    this.session.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private release(): void {
    for (const { run } of this.bindings) run.dispose()
    this.bindings = []
  }

  private bind(inputs: readonly NDArray[], without: readonly number[] = []): Binding {
    const feeds = this.feeds(inputs)
    const absent = new Set(without.map((result) => this.resultName(result)))
    const fetches = this.memoryOf(feeds)
    const same = (left: readonly unknown[], right: readonly unknown[]) =>
      left.every((item, index) => item === right[index])
    const known = this.bindings.find(
      (binding) =>
        same(binding.feeds, feeds) &&
        same(binding.fetches, fetches) &&
        binding.absent.size === absent.size &&
        same([...binding.absent], [...absent]),
    )
    if (known) return known
    const binding = this.bound(feeds, absent, fetches)
    if (this.options.reuseOutputs) {
      // Two bindings: state in a second buffer alternates between two sets of arrays.
      for (const old of this.bindings.splice(0, this.bindings.length - 1)) old.run.dispose()
      this.bindings.push(binding)
    }
    return binding
  }

  private bound(feeds: readonly NDArray[], absent: ReadonlySet<string>, fetches = this.memoryOf(feeds)): Binding {
    const named = (arrays: readonly (NDArray | undefined)[], ports: LoweredGraph['inputs']): Arrays =>
      Object.fromEntries(ports.flatMap(({ name }, index) => (arrays[index] ? [[name, arrays[index]]] : [])))
    const run = this.session.bind(named(feeds, this.lowered.inputs), named(fetches, this.lowered.outputs), absent)
    return { feeds, fetches, absent, run }
  }

  /** The memory of each output: none yet for a result. */
  private memoryOf(feeds: readonly NDArray[]): (NDArray | undefined)[] {
    return this.fetches.map((fetch) =>
      fetch.kind === 'state' ? (fetch.inPlace ? feeds[fetch.input] : this.spare(fetch.input)) : undefined,
    )
  }

  /** The name of an output of the graph, of which results are the first. */
  private resultName(output: number): string {
    return (this.lowered.outputs[output] as { name: string }).name
  }

  private feeds(inputs: readonly NDArray[]): NDArray[] {
    let next = 0
    const feeds = this.graph.inputs.map((tensor, index) => {
      const { name } = this.lowered.inputs[index] as LoweredGraph['inputs'][number]
      if (initializerOf(tensor)) return this.variables.ensure(tensor, String(tensor.node.attributes.name))
      const array = inputs[next++]
      if (!array) throw new R1Error('missing-input', `The input ${name} has no value.`)
      return array
    })
    return feeds
  }

  private spare(input: number): NDArray {
    const known = this.spares.get(input)
    if (known) return known
    const tensor = this.graph.inputs[input] as Tensor
    const shape = tensor.shape.map((extent) => evaluateDimension(extent, new Map()))
    const spare = zerosOn(initializerOf(tensor) ? this.variables.device : 'cpu', shape, tensor.dtype)
    this.spares.set(input, spare)
    return spare
  }

  /** Hands out the results, and puts the second buffers in the place of the state they replace. */
  private finish(binding: Binding, arrays: Arrays): (NDArray | undefined)[] {
    for (const fetch of this.fetches) if (fetch.kind === 'state' && !fetch.inPlace) this.exchange(fetch.input, binding)
    if (!this.options.reuseOutputs) binding.run.dispose()
    return this.resultsOf(arrays)
  }

  private resultsOf(arrays: Arrays): (NDArray | undefined)[] {
    return this.fetches.flatMap(({ kind }, output) => (kind === 'result' ? [arrays[this.resultName(output)]] : []))
  }

  private exchange(input: number, { feeds }: Binding): void {
    const tensor = this.graph.inputs[input] as Tensor
    const [current, next] = [feeds[input] as NDArray, this.spares.get(input) as NDArray]
    if (!initializerOf(tensor)) {
      current.bytes.set(next.bytes)
      return
    }
    this.variables.set(String(tensor.node.attributes.name), next)
    this.spares.set(input, current)
  }
}

function fetchesOf(graph: Graph, inPlace: ReadonlySet<Assignment>): readonly Fetch[] {
  const results = graph.outputs.length - graph.assignments.length
  return graph.outputs.map((_, index) => {
    const assignment = graph.assignments[index - results]
    if (!assignment) return { kind: 'result' }
    return { kind: 'state', input: graph.inputs.indexOf(assignment.target), inPlace: inPlace.has(assignment) }
  })
}
