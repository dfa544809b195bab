import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { dimmed, type GenerationValues, generateOptionsOf, loadModelOf, withGeneration } from '../generation.ts'
import { createVerb } from '../verb.ts'

interface ChatValues extends GenerationValues {
  system?: string
  resume?: boolean
  history?: string | boolean
}

/** What a conversation needs, loaded when one begins. */
const loadChat = () => Promise.all([import('../chat/session.ts'), import('../chat/history.ts')])

/** `r1 chat <model>`: a conversation in the terminal. */
export function chat(): Command {
  const verb = createVerb({
    name: 'chat',
    summary: 'Talk with a model; /help inside lists the commands.',
    examples: [
      ['r1 chat model.gguf', 'a conversation; it is kept and can be resumed'],
      ['r1 chat model.gguf --resume', 'goes on where the last one ended'],
      ['r1 chat owner/name --system "Answer in Chinese." --temperature 0.6', 'with an instruction'],
    ],
  })
    .argument('<model>', 'a folder, a .gguf or .safetensors file, or a model on the hub')
    .option('--system <text>', 'what the model is told first')
    .option('--resume', 'go on with the last conversation')
    .option('--history <file>', 'where the conversation is kept')
    .option('--no-history', 'keep nothing')
  return withGeneration(verb).action(async (name: string, values: ChatValues) => {
    const [{ ChatSession }, { historyPath, loadConversation }] = await loadChat()
    const history =
      values.history === false ? undefined : typeof values.history === 'string' ? values.history : historyPath()
    await using model = await loadModelOf(name, values, new AbortController().signal)
    const screen = {
      text: (delta: string) => process.stdout.write(delta),
      thought: (delta: string) => process.stdout.write(dimmed(delta)),
      note: (line: string) => process.stderr.write(`${line}\n`),
    }
    const session = new ChatSession(model, screen, generateOptionsOf(values), history)
    if (values.resume && history !== undefined) session.resume(await loadConversation(history))
    if (values.system !== undefined) session.resume({ system: values.system, messages: [] })
    await readLines((line, signal) => session.handle(line, signal))
  })
}

/** Hands over lines one after the other until one ends it. Ctrl+C stops what a line has begun, or leaves. */
async function readLines(handle: (line: string, signal: AbortSignal) => Promise<boolean>): Promise<void> {
  const input = createInterface({ input: process.stdin, output: process.stdout, terminal: process.stdin.isTTY })
  let working: AbortController | undefined
  const interrupt = () => (working ? working.abort() : input.close())
  input.on('SIGINT', interrupt)
  process.on('SIGINT', interrupt)
  const invite = () => {
    if (process.stdin.isTTY) input.setPrompt('> ')
    if (process.stdin.isTTY) input.prompt()
  }
  try {
    invite()
    for await (const line of input) {
      working = new AbortController()
      const goesOn = await handle(line, working.signal)
      working = undefined
      if (!goesOn) break
      invite()
    }
  } finally {
    process.off('SIGINT', interrupt)
    input.close()
  }
}
