/*
 * How causal attention grows with the length of a sequence at a constant number of tokens: forward and backward, the kernel
 * and the composite, each in a process of its own so that its memory is its own.
 *   npx tsx bench/kernels/attention.ts [--tokens 8192] [--rounds 3] [--limit-gb 4]
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { attention, gradients, type Tensor } from '../../src/tensor/index.ts'
import { floats } from './arrays.ts'

const { values: options } = parseArgs({
  options: {
    tokens: { type: 'string', default: '8192' },
    rounds: { type: 'string', default: '3' },
    /** Composites that would take more are left out. */
    'limit-gb': { type: 'string', default: '4' },
    /** Measure one length in this process, by the kernel or by the composite. */
    length: { type: 'string' },
    form: { type: 'string', default: 'kernel' },
  },
})

interface Found {
  readonly milliseconds: number
  readonly megabytes: number
}

/** Heads and their width. */
const [H, d] = [8, 64]
const [tokens, rounds] = [Number(options.tokens), Number(options.rounds)]

/** Best time of both passes together, and the memory that they add to inputs and results. */
function measure(S: number, kernels: boolean): Found {
  const shape = [tokens / S, S, H, d]
  const feeds = { q: floats(shape), k: floats(shape), v: floats(shape), dy: floats(shape) }
  const step = ({ q, k, v, dy }: Record<'q' | 'k' | 'v' | 'dy', Tensor>) => {
    const y = attention(q, k, v)
    return [y, ...gradients(y, [q, k, v], dy)]
  }
  using run = jit(step, { kernels, reuseOutputs: true })
  const before = process.memoryUsage.rss()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now()
    run.runSync(feeds)
    if (round > 0) best = Math.min(best, performance.now() - started)
  }
  return { milliseconds: best, megabytes: (process.resourceUsage().maxRSS * 1024 - before) / 1e6 }
}

/** The same in a process of its own. */
function measureApart(S: number, form: 'kernel' | 'composite'): Found {
  const words = [...process.execArgv, process.argv[1] as string, '--tokens', options.tokens, '--rounds', options.rounds]
  const found = execFileSync(process.execPath, [...words, '--length', String(S), '--form', form], { encoding: 'utf8' })
  return JSON.parse(found) as Found
}

if (options.length) {
  console.log(JSON.stringify(measure(Number(options.length), options.form === 'kernel')))
} else {
  console.log(`${tokens} tokens, ${H} heads of ${d}, path ${kernelLibrary().instructions ?? 'none'}\n`)
  console.log('| S | kernel ms | kernel MB | composite ms | composite MB |\n| --- | --- | --- | --- | --- |')
  const cells = ({ milliseconds, megabytes }: Found) => `${milliseconds.toFixed(0)} | ${megabytes.toFixed(0)}`
  for (const S of [256, 512, 1024, 2048, 4096]) {
    // Scores, their softmax, their gradients and what these are made of: about five matrices of T × S numbers a head.
    const gigabytes = (5 * 4 * tokens * S * H) / 1e9
    const composite = gigabytes > Number(options['limit-gb']) ? '– | –' : cells(measureApart(S, 'composite'))
    console.log(`| ${S} | ${cells(measureApart(S, 'kernel'))} | ${composite} |`)
  }
}
