import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import type { WeightPrecision } from '../../../models/index.ts'
import { weightsOption } from '../../generation.ts'
import type { Benchmark } from '../benchmark.ts'
import type { LookupText } from './lookup.ts'
import type { EngineFigures, MeasurementName } from './measure.ts'

interface EngineBenchOptions {
  readonly model: string
  readonly only?: readonly MeasurementName[]
  readonly rounds: string
  readonly tokens: string
  readonly threads: string
  readonly weights: WeightPrecision
  readonly texts?: readonly string[]
}

const names: readonly MeasurementName[] = ['lookup', 'prefix', 'sampling', 'gap', 'idle', 'apart']

const lines: { readonly [Name in MeasurementName]: (figures: NonNullable<EngineFigures[Name]>) => string } = {
  lookup: ({ texts, ratio, median_ratio }) =>
    [
      ...texts.map(draftsOf),
      `drafts from the prompt, mean of ${texts.length}: ${ratio.toFixed(2)} times as fast (medians ${median_ratio.toFixed(2)})`,
    ].join('\n'),
  prefix: ({ turns: [first, second], computed_ratio, first_token_ratio }) =>
    `second turn: ${second.computed_tokens} of ${second.prompt_tokens} tokens computed (${percent(computed_ratio)} of the ` +
    `first's ${first.computed_tokens}), first token after ${second.first_token_ms.toFixed(1)} ms ` +
    `(${percent(first_token_ratio)} of ${first.first_token_ms.toFixed(1)} ms)`,
  sampling: (figures) =>
    figures
      .map(({ texts, tokens_per_second: { greedy, temperature, top_p, penalties } }) => {
        const [all, ...others] = [greedy, temperature, top_p, penalties].map((best) => best.toFixed(0))
        return `${texts} at once: ${all} tokens/s; drawn ${others[0]}, with top-p ${others[1]}, with penalties ${others[2]}`
      })
      .join('\n'),
  gap: ({ streams, prompt_tokens, chunk, usual_gap_ms, worst_gap_ms, first_token_ms }) =>
    `${streams} streams beside a prompt of ${prompt_tokens} tokens in parts of ${chunk}: worst gap ` +
    `${worst_gap_ms.best.toFixed(0)} ms (median of the rounds ${worst_gap_ms.median.toFixed(0)}), otherwise ` +
    `${usual_gap_ms.toFixed(1)} ms; the prompt's first token after ${first_token_ms.toFixed(0)} ms`,
  idle: ({ core_percent, seconds }) =>
    `open and idle: ${core_percent.toFixed(2)} % of a core over ${seconds.toFixed(0)} s`,
  apart: ({ several, here, apart, added_us }) =>
    `in a process of its own: ${apart.one.best.toFixed(2)} ms a token, here ${here.one.best.toFixed(2)}: ` +
    `${added_us.one.toFixed(0)} µs more; ${several} at once ${apart.several.best.toFixed(2)} and ` +
    `${here.several.best.toFixed(2)} ms a step: ${added_us.several.toFixed(0)} µs more`,
}

function draftsOf({ name, tokens_per_second, ratio, accepted_drafts, new_tokens, same_text }: LookupText): string {
  const { plain, lookup } = tokens_per_second
  return (
    `drafts from the prompt, ${name}: ${rate(lookup)} tokens/s, ${rate(plain)} without: ${ratio.toFixed(2)} times as fast; ` +
    `${accepted_drafts} of ${new_tokens} tokens were drafted, ${same_text ? 'the text is the same' : 'THE TEXT IS ANOTHER'}`
  )
}

const rate = ({ best, median }: { best: number; median: number }) => `${best.toFixed(0)} (median ${median.toFixed(0)})`
const percent = (part: number) => `${(100 * part).toFixed(1)} %`

/** `r1 bench engine` */
export const engine: Benchmark<EngineBenchOptions & Record<string, unknown>, EngineFigures> = {
  name: 'engine',
  summary: 'What an engine saves and costs: drafts, common beginnings, gaps of streams, idling, a process of its own.',
  example: '--model model.gguf',
  options: [
    new Option('--model <path>', 'a model for conversations').makeOptionMandatory(),
    new Option('--only <names...>', 'measure only these').choices(names),
    new Option('--rounds <n>', 'rounds of each side, the first left out').default('5'),
    new Option('--tokens <n>', 'most tokens of each text').default('96'),
    new Option('--texts <files...>', 'texts to be summarised with drafts, the first 2,000 characters of each'),
    new Option('--threads <n>', 'threads of a step').default('2'),
    weightsOption(),
  ],
  async run({ model: path, only = names, rounds, tokens, threads, weights, texts: files = [] }, { signal, progress }) {
    const { measureEngine } = await import('./measure.ts')
    const texts = new Map<string, string>()
    for (const file of files) texts.set(file, (await readFile(file, 'utf8')).slice(0, 2000))
    const counts = { rounds: Number(rounds), tokens: Number(tokens), threads: Number(threads) }
    return await measureEngine({ path, weights, names: only, ...counts, texts, signal, progress })
  },
  format: (figures) => names.flatMap((name) => (figures[name] === undefined ? [] : [lineOf(name, figures)])).join('\n'),
}

function lineOf<Name extends MeasurementName>(name: Name, figures: EngineFigures): string {
  return lines[name](figures[name] as NonNullable<EngineFigures[Name]>)
}
