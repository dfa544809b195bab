import { readFileSync } from 'node:fs'
import { type Environment, type Example, environments, type Prompt, type Trace } from '../../src/environments/index.ts'
import { taskNames } from '../../src/evaluate/index.ts'
import { tableOf } from './recipes-page.ts'

const example = readFileSync(new URL('../../examples/reverse-words.ts', import.meta.url), 'utf8').trim()

const head = `# Environments

An environment is problems whose answers a program can check. Supervised training takes their solved problems, reinforcement
learning their rewards, evaluation both: one file serves all three. This page is written by \`npm run docs:environments\`.

## One of your own

A file of TypeScript, loaded as it is: no build step, on every Node from 20.19 (with [jiti](https://github.com/unjs/jiti)).
This one is \`examples/reverse-words.ts\`:

\`\`\`ts
${example}
\`\`\`

It is named by its path wherever an environment is asked for; relative paths begin at the recipe, or at the working folder:

\`\`\`sh
r1 eval ./my-model --tasks examples/reverse-words.ts
\`\`\`

\`\`\`yaml
stages:
  - sft: { environments: [../examples/reverse-words.ts], steps: 300 }
  - grpo: { environment: ../examples/reverse-words.ts, steps: 50 }
  - evaluate: { tasks: [../examples/reverse-words.ts] }
\`\`\`

| part | what it is |
|---|---|
| \`name\` | what results and files call it |
| \`examples(split, seed)\` | an iterable, plain or asynchronous, of problems. \`split\` is \`train\` or \`held-out\`; the same seed gives the same problems in the same order. It may go on for ever |
| \`prompt\` of an example | a text, continued as it stands, or messages, written by the model's chat template. Whatever else the example holds is handed to the reward |
| \`key\` of an example | names the problem however it is worded. \`splitOf(name, key)\` says which split it belongs to by its hash: a tenth of all problems are held out, and no seed brings them into training |
| \`reward({ prompt, completion, tokens, example })\` | a number, or \`{ reward, parts, answer, verified }\`, at once or later |
| \`parts\` | numbers that are logged apart; \`correct\` (1 or 0) is what accuracy counts. Without it, a reward of 1 or more is right |
| \`answer\` | the answer as samples are compared for a majority |
| \`verified\` | what a checker says that does not know the right answer: verifier-best@k takes the sample with the most |
| \`traces(split, seed)\` | may be left out: solved problems as \`{ prompt, completion }\` |
| \`close()\` | may be left out: frees what the environment holds |

The default export may also be a function that makes the environment from options: \`environment: { ./mine.ts: { size: 4 } }\` in a
recipe.

**A reward that fails is no reward.** Where it throws, takes more than a minute or gives no finite number, the attempt is
recorded with the reason and left out. It is never scored, neither as wrong nor as right.

\`completion\` is what the model wrote: the thought in \`<think>…</think>\`, then the answer. \`partsOf(completion)\` parts it, and
gives no answer where the thought has no end. \`parseExpression\`, \`parseEquation\`, \`validateStep\`, \`parseSolution\`, \`runUntrusted\` and
\`testFunction\` of \`deepseek-r1/environments\` are there to be used.

## Code that models write

\`runUntrusted\` runs a function in QuickJS, compiled to WebAssembly, inside a thread of its own. It has no file, network, clock to wait on
or module; memory (16 MB), stack, time (2 s for all calls of a function) and the length of results are limited. The interpreter
ends most code at its time; the thread is ended where one built-in operation takes longer. Results leave as JSON and are compared
outside, where the code cannot reach.

## Evaluation

\`\`\`sh
r1 eval ./my-model --tasks countdown,countdown-4,linear-equations --limit 512 --samples 16 --output texts.jsonl --json
\`\`\`

Each task gives accuracy (pass@1), and with several samples pass@k without bias, majority@k and verifier-best@k for k = 2, 4, 8 …, all with 95 %
bootstrap intervals over problems. Options of an environment follow its name: \`countdown:numbers=4:language=zh\`; a key that comes again makes a
list. One sample is greedy, several are drawn at temperature 1; \`--temperature\` says otherwise. Models with a chat template are asked by
messages (\`form=chat\`), others by texts. The stage \`evaluate\` does the same inside a recipe.

Names of tasks: ${taskNames.map((name) => `\`${name}\``).join(', ')}, or the path of a file.

## What comes with the package

The data sets of \`gsm8k\` (1.6 MB) and \`humaneval-js-147\` (0.15 MB) are part of the package: [data/README.md](../data/README.md).`

const shown = (prompt: Prompt): string =>
  typeof prompt === 'string' ? prompt : prompt.map(({ role, content }) => `[${role}] ${content}\n`).join('')

/** The first solved problem, or the first problem where there are no solutions. */
async function sampleOf(environment: Environment): Promise<string> {
  for await (const { prompt, completion } of environment.traces?.('train', 2) ?? ([] as Trace[])) {
    return shown(prompt) + completion
  }
  for await (const { prompt } of environment.examples('held-out', 2) as AsyncIterable<Example>) return shown(prompt)
  return ''
}

/** The page on environments. */
export async function environmentsPage(): Promise<string> {
  const sections: string[] = []
  for (const { name, summary, options, create } of environments.values()) {
    const sample = (await sampleOf(create(options.parse({})))).trim()
    const fence = sample.includes('```') ? '````' : '```'
    sections.push(`### \`${name}\``, summary, `${fence}text\n${sample}\n${fence}`, tableOf(options))
  }
  return `${[head, ...sections].join('\n\n')}\n`
}
