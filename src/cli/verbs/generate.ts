import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { DeepSeekR1, GenerateOptions, Prompt } from '../../generate/index.ts'
import { dimmed, type GenerationValues, generateOptionsOf, loadModelOf, withGeneration } from '../generation.ts'
import { interruptible } from '../interrupt.ts'
import { createVerb, printResult } from '../verb.ts'

interface GenerateValues extends GenerationValues {
  raw?: boolean
  system?: string
  n?: string
}

/** `r1 generate <model> [prompt]`: writes one text. */
export function generate(): Command {
  const verb = createVerb({
    name: 'generate',
    summary: 'Write a text with a model.',
    examples: [
      ['r1 generate model.gguf "What is the capital of France?"', 'an answer, as it comes'],
      ['r1 generate model.gguf "Once upon a time" --raw --temperature 0.8', 'goes on with the text as it stands'],
      ['cat letter.txt | r1 generate owner/name - --json', 'a prompt from a file, for programs'],
    ],
  })
    .argument('<model>', 'a folder, a .gguf or .safetensors file, or a model on the hub')
    .argument('[prompt]', 'what is asked; "-", the default, reads standard input', '-')
    .option('--system <text>', 'what the model is told first')
    .option('--raw', 'continue the text as it stands, without the chat template')
    .option('--n <count>', 'so many texts (with --json)')
  return withGeneration(verb).action(async (name: string, given: string, values: GenerateValues) => {
    const content = given === '-' ? (await readAll(process.stdin)).trimEnd() : given
    const prompt: Prompt =
      values.system === undefined
        ? content
        : [
            { role: 'system', content: values.system },
            { role: 'user', content },
          ]
    await interruptible(async (signal) => {
      const n = values.n === undefined ? undefined : Number(values.n)
      await using model = await loadModelOf(name, values, signal, n)
      const options: GenerateOptions = { ...generateOptionsOf(values), signal, raw: values.raw }
      if (values.json) printResult(await forPrograms(model, prompt, { ...options, n }), true, String)
      else await printAsItComes(model, prompt, options)
    })
  })
}

async function forPrograms(model: DeepSeekR1, prompt: Prompt, options: GenerateOptions) {
  const { choices } = await model.generate(prompt, options)
  return {
    choices: choices.map(({ text, reasoning, finishReason, usage }) => ({
      text,
      ...(reasoning !== undefined && { reasoning }),
      finish_reason: finishReason,
      usage: {
        prompt_tokens: usage.promptTokens,
        cached_tokens: usage.cachedTokens,
        completion_tokens: usage.newTokens,
        reasoning_tokens: usage.reasoningTokens,
        first_token_ms: usage.firstTokenMs,
        total_ms: usage.totalMs,
      },
    })),
  }
}

async function printAsItComes(model: DeepSeekR1, prompt: Prompt, options: GenerateOptions): Promise<void> {
  for await (const event of model.generateStream(prompt, options)) {
    if (event.type === 'finish') process.stdout.write('\n')
    else process.stdout.write(event.type === 'reasoning-delta' ? dimmed(event.delta) : event.delta)
  }
}
