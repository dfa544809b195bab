import { Command } from 'commander'

/** What every verb says of itself. */
export interface VerbDescription {
  name: string
  /** One sentence for the list of verbs and the head of its help. */
  summary: string
  /** Command lines a reader can copy, each with what it does. */
  examples: readonly (readonly [command: string, meaning: string])[]
}

/** Makes a verb with what all verbs share: `--json`, and a `--help` that ends in examples. */
export function createVerb(description: VerbDescription): Command {
  return createVerbGroup(description).option('--json', 'print JSON instead of text')
}

/** Makes a verb that only holds other verbs, which have the options. */
export function createVerbGroup({ name, summary, examples }: VerbDescription): Command {
  const width = Math.max(...examples.map(([command]) => command.length))
  const lines = examples.map(([command, meaning]) => `  ${command.padEnd(width)}    ${meaning}`)
  return new Command(name)
    .description(summary)
    .helpOption('-h, --help', 'show this help')
    .showHelpAfterError(`(r1 ${name} --help tells more)`)
    .addHelpText('after', `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.join('\n')}`)
}

/** Prints a verb's result on standard output: as JSON, or as the text made by `format`. */
export function printResult<Result>(
  result: Result,
  json: boolean | undefined,
  format: (result: Result) => string,
): void {
  process.stdout.write(`${json ? JSON.stringify(result, undefined, 2) : format(result)}\n`)
}
