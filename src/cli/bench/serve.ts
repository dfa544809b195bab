import { Option } from 'commander'
import { runApart } from './apart.ts'
import type { Benchmark } from './benchmark.ts'
import type { ClientRow } from './serve-client.ts'
import { quantile } from './serve-plan.ts'

interface ServeOptions {
  readonly model?: string
  readonly clients: string
  readonly requests: string
  readonly tokens: string
  readonly prompt: string
  readonly load: string
  readonly rounds: string
  readonly ttft: string
  readonly tpot: string
  readonly threads?: string
  /** Set in the processes that the benchmark starts. */
  readonly part?: 'client' | 'engine'
  readonly url?: string
}

/** One number of clients. Times in milliseconds, throughput in tokens and goodput in requests a second. */
export interface ServeRow {
  readonly clients: number
  /** Requests came at random (Poisson), so many a second on average, whether earlier ones were answered or not. */
  readonly rate: number
  readonly ttft_p50: number
  readonly ttft_p95: number
  readonly ttft_p99: number
  readonly tpot_p50: number
  readonly tpot_p99: number
  /** Requests a second that met both objectives. */
  readonly goodput: number
  readonly throughput: number
  readonly errors: number
  /** With so many clients who each ask again at once, over HTTP and in the engine alone: medians of the rounds. */
  readonly http_throughput: number
  readonly engine_throughput: number
  /** Part of the engine's throughput that HTTP costs. */
  readonly http_overhead: number
}

const shared = ({ tokens, prompt, requests, ttft, tpot }: ServeOptions) => [
  ...['--tokens', tokens, '--prompt', prompt, '--requests', requests, '--ttft', ttft, '--tpot', tpot],
]

const loadParts = () =>
  Promise.all([import('./serve-client.ts'), import('./serve-engine.ts'), import('./serve-server.ts')] as const)

async function measure(
  options: ServeOptions,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<readonly ServeRow[]> {
  const [, , { withServer }] = await loadParts()
  const counts = options.clients.split(',').map(Number)
  const slots = Math.max(...counts)
  const model = options.model === undefined ? [] : ['--model', options.model]
  const threads = options.threads === undefined ? [] : ['--threads', options.threads]
  const words = (part: 'client' | 'engine', clients: number, more: readonly string[]) =>
    runApart(['serve', '--part', part, '--clients', String(clients), ...shared(options), ...more], signal)
  return await withServer([...model, ...threads, '--slots', String(slots)], signal, async (url) => {
    const rows: ServeRow[] = []
    const client = async (clients: number, load: number) =>
      (await words('client', clients, ['--url', url, '--load', String(load)])) as ClientRow
    const engine = async (clients: number) =>
      ((await words('engine', clients, [...model, ...threads])) as { throughput: number }).throughput
    // What compiles and warms up at its first use is not what is measured.
    await client(slots, 0)
    for (const clients of counts) {
      const [alone, overHttp]: [number[], number[]] = [[], []]
      let errors = 0
      for (let round = 1; round <= Number(options.rounds); round++) {
        progress(`${clients} clients, the engine alone and over HTTP, round ${round}`)
        alone.push(await engine(clients))
        const closed = await client(clients, 0)
        overHttp.push(closed.throughput)
        errors += closed.errors
      }
      const [own, http] = [quantile(alone, 0.5), quantile(overHttp, 0.5)]
      const rate = (Number(options.load) * http) / Number(options.tokens)
      progress(`${clients} clients, ${rate.toFixed(2)} requests a second at random`)
      const { rate: _, ...open } = await client(clients, rate)
      rows.push({
        clients,
        rate,
        ...open,
        errors: open.errors + errors,
        http_throughput: http,
        engine_throughput: own,
        http_overhead: 1 - http / own,
      })
    }
    return rows
  })
}

function format(rows: readonly ServeRow[]): string {
  const head = [
    'clients',
    'req/s',
    'TTFT p50',
    'p95',
    'p99',
    'TPOT p50',
    'p99',
    'goodput',
    'tok/s',
    'HTTP',
    'engine',
    'errors',
  ]
  const lines = rows.map((row) => [
    String(row.clients),
    row.rate.toFixed(2),
    ...[row.ttft_p50, row.ttft_p95, row.ttft_p99, row.tpot_p50, row.tpot_p99].map((value) => value.toFixed(1)),
    row.goodput.toFixed(2),
    ...[row.throughput, row.http_throughput, row.engine_throughput].map((value) => value.toFixed(0)),
    String(row.errors),
  ])
  return [head, ...lines].map((cells) => cells.map((cell) => cell.padStart(9)).join('')).join('\n')
}

/** The server under load. */
export const serve: Benchmark<ServeOptions> = {
  name: 'serve',
  summary:
    'Measure the server: time to the first token and between tokens (ms), goodput, throughput, beside the engine alone.',
  options: [
    new Option('--model <model>', 'what is served; the shipped model without it'),
    new Option('--clients <list>', 'numbers of clients').default('1,4,16'),
    new Option('--requests <n>', 'requests of each measurement').default('64'),
    new Option('--tokens <n>', 'new tokens of a request').default('64'),
    new Option('--prompt <n>', 'characters of a prompt').default('200'),
    new Option('--load <part>', 'part of the throughput at which requests come at random').default('0.7'),
    new Option('--rounds <n>', 'times that the engine alone and HTTP take turns; their medians count').default('3'),
    new Option('--ttft <ms>', 'objective: time to the first token').default('200'),
    new Option('--tpot <ms>', 'objective: time between tokens').default('50'),
    new Option('--threads <n>', 'threads of a step'),
    new Option('--part <part>', 'one part alone').choices(['client', 'engine']).hideHelp(),
    new Option('--url <url>', 'the server that is asked').hideHelp(),
  ],
  example: '--clients 1,16',
  async run(options, { signal, progress }) {
    const [{ runClients }, { runEngine }] = await loadParts()
    const plan = {
      clients: Number(options.clients),
      requests: Number(options.requests),
      tokens: Number(options.tokens),
      characters: Number(options.prompt),
      ttft: Number(options.ttft),
      tpot: Number(options.tpot),
    }
    if (options.part === 'client') return await runClients(options.url ?? '', { ...plan, rate: Number(options.load) })
    if (options.part === 'engine') return await runEngine(options.model, options.threads, plan)
    return await measure(options, signal, progress)
  },
  format: (rows) => format(rows as readonly ServeRow[]),
}
