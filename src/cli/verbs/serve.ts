import { type Command, Option } from 'commander'
import { weightPrecisions } from '../../models/weight-precision.ts'
import type { ServeConfig } from '../../serve/config/schema.ts'
import { createVerb, printResult } from '../verb.ts'

/** The placeholder of each setting's value and what it means; the configuration's schema says what is allowed. */
const flags: Readonly<Record<keyof ServeConfig, readonly [value: string, meaning: string]>> = {
  model: ['<model...>', 'name=path, a path or a name on the hub; the first is the default'],
  host: ['<address>', 'where to listen; 127.0.0.1 is this machine only'],
  port: ['<n>', 'port; 0 takes any that is free'],
  data: ['<folder>', 'folder of the database'],
  runs: ['<folder>', 'folder of the runs that the console shows'],
  slots: ['<n>', 'texts that are written side by side'],
  context: ['<n>', 'most tokens of prompt and text'],
  threads: ['<n>', 'threads of a step'],
  weights: ['<form>', `how weights are kept: ${weightPrecisions.join(', ')}`],
  cacheType: ['<type>', 'what keys and values are kept in: f16, f32 or int8'],
  isolate: ['<yes>', 'run each engine in a process of its own (true or false)'],
  preload: ['<yes>', 'load the default model at the start (true or false)'],
  idleMinutes: ['<n>', 'unload models that nobody asked for so long; 0 keeps all'],
  mostLoaded: ['<n>', 'models in memory at once'],
  mostRequests: ['<n>', 'requests that may wait or run'],
  mostQueuedTokens: ['<n>', 'tokens of prompts that may wait'],
  maxTokens: ['<n>', 'new tokens of requests that set no limit'],
  bodyBytes: ['<n>', 'largest body of a request'],
  headerBytes: ['<n>', 'largest headers of a request'],
  headerSeconds: ['<n>', 'time within which headers must have come'],
  bodySeconds: ['<n>', 'time within which a request must have come'],
  stallSeconds: ['<n>', 'a reader that takes nothing for so long is cut off'],
  keepAliveSeconds: ['<n>', 'between comments in a silent stream'],
  drainSeconds: ['<n>', 'time to finish what is under way at SIGTERM'],
  corsOrigins: ['<origin...>', 'web sites that may call from a browser'],
  allowedHosts: ['<name...>', 'further names of this server; * allows any'],
  adminKey: ['<key>', 'may do everything; better set as R1_SERVE_ADMIN_KEY'],
  requireKeys: ['<yes>', 'ask for a key even where there is none yet'],
  requestsPerMinute: ['<n>', 'requests a minute of keys without a limit of their own'],
  tokensPerMinute: ['<n>', 'tokens a minute of keys without a limit of their own'],
  reasoningField: ['<name>', 'reasoning_content, reasoning or both'],
  templateVariables: ['<yes>', 'whether requests may set variables of chat templates'],
  logLevel: ['<level>', 'silent, error, warn, info or debug'],
  logPrompts: ['<yes>', 'write prompts into the log'],
}

interface ServeValues extends Record<string, unknown> {
  json?: boolean
  config?: string
  printConfig?: boolean
}

const loadServing = () =>
  Promise.all([import('../../serve/config/load-config.ts'), import('../../serve/run.ts')] as const)

/** `r1 serve`: models over HTTP, with a console in the browser. */
export function serve(): Command {
  const verb = createVerb({
    name: 'serve',
    summary: "Serve models over HTTP as OpenAI's API has it, with a console in the browser.",
    examples: [
      ['r1 serve', 'the model that ships with this package, at http://127.0.0.1:8000'],
      ['r1 serve --model ./model.gguf --port 8080', 'a model of your own'],
      ['r1 serve --model small=./a.gguf large=owner/name', 'several, loaded when they are asked for'],
      ['r1 serve --config serve.yaml --print-config', 'what is set, and where'],
    ],
  })
    .option('--config <file>', 'YAML file with settings; each can also be R1_SERVE_<NAME> in the environment')
    .option('--print-config', 'print what is set and where, and end')
  for (const [key, [value, meaning]] of Object.entries(flags)) {
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    verb.addOption(new Option(`--${name} ${value}`, meaning))
  }
  return verb.action(async ({ json, config: file, printConfig, ...values }: ServeValues) => {
    const [{ describeConfig, loadConfig, settingOf }, { runServer }] = await loadServing()
    const given = Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'string' ? settingOf(key, value) : value,
    ])
    const resolved = await loadConfig({ file, flags: Object.fromEntries(given) })
    if (printConfig) {
      printResult(describeConfig(resolved), json, (settings) =>
        Object.entries(settings)
          .map(
            ([key, { value, from }]) => `${key.padEnd(18)} ${String(value)}${from === 'default' ? '' : `  (${from})`}`,
          )
          .join('\n'),
      )
      return
    }
    await runServer(resolved, (line, facts) => process.stdout.write(json ? `${JSON.stringify(facts)}\n` : `${line}\n`))
  })
}
