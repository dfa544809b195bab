import { Agent, request } from 'node:http'
import { closedLoop, type LoadPlan, promptText, quantile } from './serve-plan.ts'

/** What clients saw. Times in milliseconds. */
export interface ClientRow {
  readonly rate: number
  readonly ttft_p50: number
  readonly ttft_p95: number
  readonly ttft_p99: number
  readonly tpot_p50: number
  readonly tpot_p99: number
  readonly goodput: number
  readonly throughput: number
  readonly errors: number
}

/** When the tokens of one answer came; undefined for one that failed. */
interface Answer {
  readonly sent: number
  readonly first: number
  readonly last: number
  readonly tokens: number
}

interface Chunk {
  readonly usage?: { readonly completion_tokens: number } | null
  readonly error?: unknown
}

/** Asks for one text and notes when its parts come. */
function ask(url: URL, agent: Agent, prompt: string, tokens: number): Promise<Answer | undefined> {
  const sent = performance.now()
  const body = JSON.stringify({
    prompt,
    max_tokens: tokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
  })
  return new Promise((resolve) => {
    const fail = () => resolve(undefined)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const asked = request(url, { method: 'POST', agent, headers }, (response) => {
      let [held, first, last, count] = ['', Number.NaN, Number.NaN, 0]
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        const now = performance.now()
        const lines = (held + text).split('\n')
        held = lines.pop() ?? ''
        for (const line of lines) {
          if (!line.startsWith('data: {')) continue
          // Clients and server share the cores: only the last message and errors are parsed.
          if (line.includes('"text":"') && !line.includes('"text":""')) {
            if (Number.isNaN(first)) first = now
            last = now
            continue
          }
          const chunk = JSON.parse(line.slice('data: '.length)) as Chunk
          if (chunk.error) fail()
          count = chunk.usage?.completion_tokens ?? count
        }
      })
      response.on('end', () =>
        response.statusCode === 200 && count > 0 ? resolve({ sent, first, last, tokens: count }) : fail(),
      )
      response.on('error', fail)
    })
    asked.on('error', fail)
    asked.end(body)
  })
}

/**
 * Asks a server: as many clients as are wanted, each asking again at once, or requests that come at random whether earlier
 * ones were answered or not.
 *
 * @param plan rate of requests a second; 0 for clients that wait for their answer
 */
export async function runClients(address: string, plan: LoadPlan & { readonly rate: number }): Promise<ClientRow> {
  const url = new URL('/v1/completions', address)
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const { clients, requests, tokens, characters, rate } = plan
  const answers: (Answer | undefined)[] = []
  const one = async (index: number) => {
    // No run shares the beginning of a prompt with an earlier one.
    const prompt = `${process.pid} ${promptText(index, characters)}`.slice(0, characters)
    answers[index] = await ask(url, agent, prompt, tokens)
  }
  const started = performance.now()
  if (rate === 0) await closedLoop(requests, clients, one)
  else await openLoop(requests, rate, one)
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
  return summary(answers, plan, seconds)
}

/** Starts tasks at random times, so many a second on average: the times between them are exponential. */
async function openLoop(count: number, rate: number, task: (index: number) => Promise<void>): Promise<void> {
  const tasks: Promise<void>[] = []
  let due = performance.now()
  for (let index = 0; index < count; index++) {
    due -= (1000 * Math.log(1 - Math.random())) / rate
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    tasks.push(task(index))
  }
  await Promise.all(tasks)
}

function summary(
  answers: readonly (Answer | undefined)[],
  { rate, ttft, tpot }: LoadPlan & { readonly rate: number },
  seconds: number,
): ClientRow {
  const good = answers.filter((answer) => answer !== undefined)
  const first = (answer: Answer) => answer.first - answer.sent
  const between = ({ first: from, last, tokens }: Answer) => (last - from) / Math.max(1, tokens - 1)
  const [ttfts, tpots] = [good.map(first), good.map(between)]
  const met = good.filter((answer) => first(answer) <= ttft && between(answer) <= tpot)
  return {
    rate,
    ttft_p50: quantile(ttfts, 0.5),
    ttft_p95: quantile(ttfts, 0.95),
    ttft_p99: quantile(ttfts, 0.99),
    tpot_p50: quantile(tpots, 0.5),
    tpot_p99: quantile(tpots, 0.99),
    goodput: met.length / seconds,
    throughput: good.reduce((sum, { tokens }) => sum + tokens, 0) / seconds,
    errors: answers.length - good.length,
  }
}
