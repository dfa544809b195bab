import { Option } from 'commander'
import { type WeightPrecision, weightPrecisions } from '../../models/weight-precision.ts'
import type { Benchmark } from './benchmark.ts'
import { median, promptOf } from './measure.ts'
import { type PeerName, peerNames } from './peers/names.ts'
import type { Peer } from './peers/peer.ts'

interface GenerateOptions {
  readonly model: string
  readonly peer?: PeerName
  readonly rounds: string
  readonly threads: string
  readonly prompt: string
  readonly tokens: string
  readonly batches: string
  readonly batchPrompt: string
  readonly weights: WeightPrecision
  readonly here?: boolean
}

/** What one process of a side took. */
interface Round {
  readonly load_ms: number
  readonly prefill_tokens_per_second: number
  /** Milliseconds of each token after the first. */
  readonly decode_ms: readonly number[]
  /** Tokens a second of all texts together, while all of them are written, by their number. */
  readonly batch_tokens_per_second: Readonly<Record<string, number>>
  readonly peak_rss_mb: number
}

/** Figures over all rounds. */
interface Figures {
  readonly load_ms: number
  readonly prefill_tokens_per_second: number
  readonly decode_ms: number
  readonly batch_tokens_per_second: Readonly<Record<string, number>>
  readonly peak_rss_mb: number
}

interface Side {
  readonly name: string
  readonly best: Figures
  readonly median: Figures
  readonly rounds: readonly Round[]
}

export interface GenerateResult {
  readonly model: string
  readonly threads: number
  readonly prompt_tokens: number
  readonly sides: readonly Side[]
  /** Of best figures, ours against the peer's: speeds above 1 are faster, time and memory below 1 are less. */
  readonly ratios: Readonly<Record<string, number>>
  readonly median_ratios: Readonly<Record<string, number>>
}

/** Tokens a second from when every text has its first token until the first text ends. */
export function rateOfBatch(times: readonly (readonly number[])[]): number {
  const from = Math.max(...times.map((came) => came[0] ?? 0))
  const to = Math.min(...times.map((came) => came.at(-1) ?? 0))
  const count = times.flat().filter((time) => time > from && time <= to).length
  return (1000 * count) / (to - from)
}

async function measure(peer: Peer, options: GenerateOptions, vocabulary: number): Promise<Round> {
  const [length, tokens] = [Number(options.prompt), Number(options.tokens)]
  // The first run also fetches memory and wakes threads.
  await peer.generate(promptOf(32, vocabulary), 4)
  const { ms, peak_rss_mb } = await peer.generate(promptOf(length, vocabulary), tokens)
  let peak = peak_rss_mb
  const rates: Record<string, number> = {}
  for (const count of batchesOf(options)) {
    const prompts = Array.from({ length: count }, (_, at) =>
      promptOf(Number(options.batchPrompt) + at, vocabulary).reverse(),
    )
    const { times, peak_rss_mb } = await peer.batch(prompts, tokens)
    rates[count] = rateOfBatch(times)
    peak = Math.max(peak, peak_rss_mb)
  }
  return {
    load_ms: peer.loadMs,
    prefill_tokens_per_second: (1000 * length) / (ms[0] as number),
    decode_ms: ms.slice(1),
    batch_tokens_per_second: rates,
    peak_rss_mb: peak,
  }
}

const batchesOf = ({ batches }: GenerateOptions): number[] => batches.split(',').filter(Boolean).map(Number)

export function figuresOf(
  rounds: readonly Round[],
  least: (values: readonly number[]) => number,
  most: (values: readonly number[]) => number,
): Figures {
  const over = (of: (round: Round) => number, choose: typeof least) => choose(rounds.map(of))
  const batches = Object.keys(rounds[0]?.batch_tokens_per_second ?? {})
  return {
    load_ms: over((round) => round.load_ms, least),
    prefill_tokens_per_second: over((round) => round.prefill_tokens_per_second, most),
    decode_ms: least(rounds.flatMap((round) => round.decode_ms)),
    batch_tokens_per_second: Object.fromEntries(
      batches.map((count) => [count, over((round) => round.batch_tokens_per_second[count] ?? 0, most)] as const),
    ),
    peak_rss_mb: over((round) => round.peak_rss_mb, least),
  }
}

const sideOf = (name: string, rounds: readonly Round[]): Side => ({
  name,
  best: figuresOf(
    rounds,
    (values) => Math.min(...values),
    (values) => Math.max(...values),
  ),
  median: figuresOf(rounds, median, median),
  rounds,
})

export function ratiosOf(ours: Figures, peers: Figures): Record<string, number> {
  const batches = Object.entries(ours.batch_tokens_per_second).map(
    ([count, rate]) => [`batch${count}_ratio`, rate / (peers.batch_tokens_per_second[count] ?? Number.NaN)] as const,
  )
  return {
    prefill_ratio: ours.prefill_tokens_per_second / peers.prefill_tokens_per_second,
    decode_ratio: peers.decode_ms / ours.decode_ms,
    ...Object.fromEntries(batches),
    load_ratio: ours.load_ms / peers.load_ms,
    peak_rss_ratio: ours.peak_rss_mb / peers.peak_rss_mb,
  }
}

// On its own: TypeScript does not rewrite the path of an import beside an 'await using'.
const loadPeer = () => import('./peers/peer.ts')
const loadCheckpoints = () => import('../../checkpoint/open.ts')
const loadFamilies = () => import('../../models/families.ts')

/** The side of this package: this command again, serving the peers' protocol. */
function ourWords(options: GenerateOptions): string[] {
  const { model, threads, weights, prompt, tokens, batches, batchPrompt } = options
  const flags = { model, threads, weights, prompt, tokens, batches, 'batch-prompt': batchPrompt }
  const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  return [...process.execArgv, process.argv[1] as string, 'bench', 'generate', '--here', ...words]
}

const contextOf = (options: GenerateOptions): number =>
  Math.max(Number(options.prompt), Number(options.batchPrompt) + 64) + Number(options.tokens) + 1

async function vocabularyOf(model: string): Promise<number> {
  const [{ openCheckpoint }, { modelOf }] = await Promise.all([loadCheckpoints(), loadFamilies()])
  await using checkpoint = await openCheckpoint(model)
  return modelOf(checkpoint.config).vocabulary
}

/** Both sides in turns, each round in new processes. */
async function measureSides(
  options: GenerateOptions,
  { signal, progress }: Parameters<Benchmark['run']>[1],
): Promise<GenerateResult> {
  const { Peer } = await loadPeer()
  const vocabulary = await vocabularyOf(options.model)
  const [threads, rounds] = [Number(options.threads), Number(options.rounds)]
  const sequences = Math.max(1, ...batchesOf(options))
  const [ours, peers]: [Round[], Round[]] = [[], []]
  for (let round = 1; round <= rounds; round++) {
    progress(`deepseek-r1, round ${round} of ${rounds}`)
    {
      await using side = await Peer.startCommand('deepseek-r1', ourWords(options), signal)
      ours.push(await measure(side, options, vocabulary))
    }
    if (!options.peer) continue
    progress(`${options.peer}, round ${round} of ${rounds}`)
    const settings = { model: options.model, threads, context: contextOf(options), sequences }
    await using side = await Peer.start(options.peer, settings, signal)
    peers.push(await measure(side, options, vocabulary))
  }
  const ourSide = sideOf('deepseek-r1', ours)
  const peerSide = options.peer && sideOf(options.peer, peers)
  return {
    model: options.model,
    threads,
    prompt_tokens: Number(options.prompt),
    sides: peerSide ? [ourSide, peerSide] : [ourSide],
    ratios: peerSide ? ratiosOf(ourSide.best, peerSide.best) : {},
    median_ratios: peerSide ? ratiosOf(ourSide.median, peerSide.median) : {},
  }
}

/** `r1 bench generate` */
export const generate: Benchmark<GenerateOptions & Record<string, unknown>, GenerateResult | undefined> = {
  name: 'generate',
  summary: 'Reading a prompt and writing texts, one and several at once, in tokens a second, and the memory it takes.',
  example: '--model model.gguf --peer node-llama-cpp',
  options: [
    new Option('--model <path>', 'the checkpoint; a .gguf file where there is a peer').makeOptionMandatory(),
    new Option('--peer <name>', 'what to measure in turns with it').choices(peerNames),
    new Option('--rounds <n>', 'processes of each side').default('5'),
    new Option('--threads <n>', 'threads of a step').default('2'),
    new Option('--prompt <n>', 'tokens of the prompt').default('512'),
    new Option('--tokens <n>', 'tokens of each text').default('64'),
    new Option('--batches <counts>', 'texts at once').default('4,16'),
    new Option('--batch-prompt <n>', 'tokens of their prompts; each has one more than the one before').default('128'),
    new Option('--weights <form>', 'how weights are kept').choices(weightPrecisions).default('file'),
    new Option('--here', 'serve the protocol in this process').hideHelp(),
  ],
  async run(options, context) {
    if (!options.here) return await measureSides(options, context)
    const { serveGeneration } = await import('./generate-run.ts')
    const { threads, weights } = options
    const sequences = Math.max(1, ...batchesOf(options))
    await serveGeneration(options.model, { threads: Number(threads), context: contextOf(options), sequences, weights })
    return undefined
  },
  format(result) {
    if (!result) return ''
    const batches = Object.keys(result.sides[0]?.best.batch_tokens_per_second ?? {})
    const head = ['', 'prefill tok/s', 'decode ms', ...batches.map((count) => `${count} at once`), 'load ms', 'peak MB']
    const lines = result.sides.flatMap(({ name, best, median: typical }) =>
      (
        [
          ['best', best],
          ['median', typical],
        ] as const
      ).map(([label, figures]) => [
        `${name}, ${label}`,
        figures.prefill_tokens_per_second.toFixed(0),
        figures.decode_ms.toFixed(2),
        ...batches.map((count) => (figures.batch_tokens_per_second[count] ?? Number.NaN).toFixed(0)),
        figures.load_ms.toFixed(0),
        figures.peak_rss_mb.toFixed(0),
      ]),
    )
    const table = [head, ...lines].map((cells) =>
      cells.map((cell, at) => (at === 0 ? cell.padEnd(24) : cell.padStart(14))).join(''),
    )
    const ratios = Object.entries(result.ratios).map(
      ([name, ratio]) => `${name} ${ratio.toFixed(2)} (medians ${result.median_ratios[name]?.toFixed(2)})`,
    )
    return [...table, ...ratios].join('\n')
  },
}
