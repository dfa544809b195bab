import type { Command } from 'commander'
import type { PulledModel } from '../../checkpoint/index.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { formatBytes, formatTransfer } from '../sizes.ts'
import { createVerb, printResult } from '../verb.ts'

interface PullValues {
  json?: boolean
  revision?: string
  include?: string[]
}

function format({ path, model, commit, bytes, fetched }: PulledModel): string {
  if (commit === undefined) return `${model} is in the cache:\n${path}`
  return `${model}: ${formatBytes(bytes)}, of which ${formatBytes(fetched)} were fetched:\n${path}`
}

/** `r1 pull <id>`: brings a model from the hub into the cache shared with Hugging Face's tools. */
export function pull(): Command {
  return createVerb({
    name: 'pull',
    summary: 'Bring a model from the hub into the cache that Hugging Face’s tools share.',
    examples: [
      ['r1 pull owner/name', 'texts and weights; goes on where it was cut'],
      ['r1 pull owner/name@v1.0', 'a branch, tag or commit'],
      ['r1 pull owner/name --include "*Q4_0.gguf"', 'only these files'],
    ],
  })
    .argument('<id>', 'the model: owner/name, or owner/name@revision')
    .option('--revision <name>', 'a branch, tag or commit')
    .option('--include <pattern...>', 'only files of these names; * stands for anything')
    .addHelpText('after', '\nHF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE are honoured.')
    .action(async (id: string, { json, revision, include }: PullValues) => {
      const checkpoint = await import('../../checkpoint/index.ts')
      const pulled = await interruptible((signal) =>
        withProgress((progress) =>
          checkpoint.pull(id, {
            revision,
            include,
            signal,
            onProgress: ({ file, done, total }) => progress(formatTransfer(file, done, total)),
          }),
        ),
      )
      printResult(pulled, json, format)
    })
}
