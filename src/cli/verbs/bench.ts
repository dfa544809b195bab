import type { Command } from 'commander'
import type { Benchmark } from '../bench/benchmark.ts'
import { benchmarks } from '../bench/index.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { createVerb, createVerbGroup, printResult } from '../verb.ts'

/** `r1 bench <name>`: measures this machine with one of the package's benchmarks. */
export function bench(known: readonly Benchmark[] = benchmarks): Command {
  const verb = createVerbGroup({
    name: 'bench',
    summary: 'Measure this machine with one of the benchmarks.',
    examples: [['r1 bench --help', 'list the benchmarks'], ...known.map(exampleOf)],
  })
  for (const benchmark of known) verb.addCommand(benchmarkCommand(benchmark))
  return verb
}

function exampleOf({ name, summary, example }: Benchmark): readonly [string, string] {
  return [['r1 bench', name, example, '--json'].filter(Boolean).join(' '), summary]
}

function benchmarkCommand(benchmark: Benchmark): Command {
  const { name, summary, options } = benchmark
  const command = createVerb({
    name,
    summary,
    examples: [exampleOf(benchmark)],
  })
  for (const option of options) command.addOption(option)

  return command.action(async ({ json, ...values }: { json?: boolean }) => {
    const rows = await interruptible((signal) =>
      withProgress((progress) => benchmark.run(values, { signal, progress })),
    )
    printResult(rows, json, (measured) => benchmark.format(measured))
  })
}
