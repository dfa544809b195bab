import { Option } from 'commander'
import { runApart } from './apart.ts'
import type { Benchmark } from './benchmark.ts'
import type { LoadRow } from './load-run.ts'
import { median, promptOf } from './measure.ts'
import { type PeerName, peerNames } from './peers/names.ts'

interface LoadOptions {
  readonly model: string
  readonly peer?: PeerName
  readonly rounds: string
  readonly threads: string
  readonly prompt: string
  readonly here?: boolean
}

type Figures = Pick<LoadRow, 'first_logits_ms' | 'load_ms' | 'process_ms' | 'peak_rss_mb' | 'idle_rss_mb'>
type OurRow = Awaited<ReturnType<typeof import('./load-run.ts')['measureLoad']>>

interface Side {
  readonly name: string
  readonly median: Figures
  readonly best: Figures
  readonly rounds: readonly LoadRow[]
}

export interface LoadResult {
  readonly model: string
  /** The weights in f32. */
  readonly weights_mb: number
  readonly prompt_tokens: number
  readonly threads: number
  readonly sides: readonly Side[]
  /** Ours against the peer, and against the weights; targets: at most 3 and 1.2. */
  readonly ratios: {
    readonly first_logits_median?: number
    readonly first_logits_best?: number
    readonly process_median?: number
    /** Peak memory of the process against the weights. */
    readonly peak_to_weights: number
    /** The same without what Node and the modules take before anything is opened. */
    readonly peak_beyond_idle_to_weights: number
  }
}

const figureNames = ['first_logits_ms', 'load_ms', 'process_ms', 'peak_rss_mb', 'idle_rss_mb'] as const

function sideOf(name: string, rounds: readonly LoadRow[]): Side {
  const over = (choose: (values: readonly number[]) => number) =>
    Object.fromEntries(figureNames.map((figure) => [figure, choose(rounds.map((row) => row[figure]))])) as Figures
  return { name, median: over(median), best: over((values) => Math.min(...values)), rounds }
}

async function measureOurs(options: LoadOptions, signal: AbortSignal): Promise<OurRow> {
  const { model, threads, prompt } = options
  const flags = ['--model', model, '--threads', threads, '--prompt', prompt]
  return (await runApart(['load', '--here', ...flags], signal)) as OurRow
}

// On its own: TypeScript does not rewrite the path of an import beside an 'await using'.
const loadPeer = () => import('./peers/peer.ts')

async function measurePeer(name: PeerName, options: LoadOptions, vocabulary: number, signal: AbortSignal) {
  const { Peer } = await loadPeer()
  const { model, threads, prompt } = options
  await using peer = await Peer.start(name, { model, threads: Number(threads), context: 512 }, signal)
  const { tokens, ms, peak_rss_mb, process_ms } = await peer.generate(promptOf(Number(prompt), vocabulary), 1)
  const row: LoadRow = {
    first_logits_ms: peer.loadMs + (ms[0] ?? 0),
    load_ms: peer.loadMs,
    process_ms,
    peak_rss_mb,
    idle_rss_mb: peer.idleRssMb,
    next_token: tokens[0] ?? -1,
  }
  return row
}

function ratiosOf(ours: Side, peer: Side | undefined, weights: number): LoadResult['ratios'] {
  const { peak_rss_mb: peak, idle_rss_mb: idle } = ours.median
  return {
    ...(peer && {
      first_logits_median: ours.median.first_logits_ms / peer.median.first_logits_ms,
      first_logits_best: ours.best.first_logits_ms / peer.best.first_logits_ms,
      process_median: ours.median.process_ms / peer.median.process_ms,
    }),
    peak_to_weights: peak / weights,
    peak_beyond_idle_to_weights: (peak - idle) / weights,
  }
}

/** Every side in processes of its own, in turns. */
async function measureSides(
  options: LoadOptions,
  { signal, progress }: Parameters<Benchmark['run']>[1],
): Promise<LoadResult> {
  const [ours, peers]: [OurRow[], LoadRow[]] = [[], []]
  const rounds = Number(options.rounds)
  for (let round = 1; round <= rounds; round++) {
    progress(`deepseek-r1, round ${round} of ${rounds}`)
    const row = await measureOurs(options, signal)
    ours.push(row)
    if (!options.peer) continue
    progress(`${options.peer}, round ${round} of ${rounds}`)
    peers.push(await measurePeer(options.peer, options, row.vocabulary, signal))
  }
  const weights = ours[0]?.weights_mb ?? Number.NaN
  const ourSide = sideOf('deepseek-r1', ours)
  const peerSide = options.peer && sideOf(options.peer, peers)
  return {
    model: options.model,
    weights_mb: weights,
    prompt_tokens: Number(options.prompt),
    threads: Number(options.threads),
    sides: peerSide ? [ourSide, peerSide] : [ourSide],
    ratios: ratiosOf(ourSide, peerSide || undefined, weights),
  }
}

/** `r1 bench load` */
export const load: Benchmark<LoadOptions & Record<string, unknown>, LoadResult | OurRow> = {
  name: 'load',
  summary: 'From a checkpoint to the first logits in f32, in milliseconds, and the memory it takes.',
  example: '--model model.gguf',
  options: [
    new Option('--model <path>', 'the checkpoint; a .gguf file where there is a peer').makeOptionMandatory(),
    new Option('--peer <name>', 'what to measure in turns with it, on the file as it is').choices(peerNames),
    new Option('--rounds <n>', 'processes of each side').default('5'),
    new Option('--threads <n>', 'threads of a step').default('2'),
    new Option('--prompt <n>', 'tokens of the prompt').default('16'),
    new Option('--here', 'measure in this process').hideHelp(),
  ],
  async run(options, context) {
    if (!options.here) return measureSides(options, context)
    const { measureLoad } = await import('./load-run.ts')
    return measureLoad(options.model, { promptLength: Number(options.prompt), threads: Number(options.threads) })
  },
  format(result) {
    if (!('sides' in result)) return JSON.stringify(result)
    const head = ['', 'first logits ms', 'of that load ms', 'process ms', 'peak MB', 'idle MB']
    const lines = result.sides.flatMap(({ name, median: typical, best }) =>
      [
        [`${name}, median`, typical],
        [`${name}, best`, best],
      ].map(([label, figures]) => [
        label as string,
        ...figureNames.map((figure) => (figures as Figures)[figure].toFixed(0)),
      ]),
    )
    const { ratios, weights_mb } = result
    const table = [head, ...lines].map((cells) =>
      cells.map((cell, at) => (at === 0 ? cell.padEnd(24) : cell.padStart(16))).join(''),
    )
    const against =
      ratios.first_logits_median === undefined
        ? []
        : [
            `time to first logits against the peer: ${ratios.first_logits_median.toFixed(2)} median, ${ratios.first_logits_best?.toFixed(2)} best; whole processes ${ratios.process_median?.toFixed(2)}`,
          ]
    const memory = `peak memory against ${weights_mb.toFixed(0)} MB of f32 weights: ${ratios.peak_to_weights.toFixed(2)}, beyond the idle process ${ratios.peak_beyond_idle_to_weights.toFixed(2)}`
    return [...table, ...against, memory].join('\n')
  },
}
