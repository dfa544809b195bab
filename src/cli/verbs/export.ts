import { type Command, Option } from 'commander'
import type { ExportFormat, ExportResult } from '../../checkpoint/index.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { formatBytes, formatTransfer } from '../sizes.ts'
import { createVerb, printResult } from '../verb.ts'

interface ExportValues {
  json?: boolean
  format: ExportFormat
  type?: string
  out: string
}

function format({ path, format: written, type, tensors, bytes, notes }: ExportResult): string {
  return [`${path}: ${tensors} tensors, ${formatBytes(bytes)}, ${written} ${type}`, ...notes].join('\n')
}

/** `r1 export <checkpoint>`: writes a checkpoint in another format or type. */
export function exportVerb(): Command {
  return createVerb({
    name: 'export',
    summary: 'Write a checkpoint in another format or type, for other programs.',
    examples: [
      ['r1 export ./mine --format gguf --type q4_0 --out mine.gguf', 'for llama.cpp, 4 bits a weight'],
      ['r1 export model.gguf --format safetensors --type bf16 --out ./model', 'for Hugging Face’s tools'],
    ],
  })
    .argument('<checkpoint>', 'a folder, a .safetensors, .gguf or .bin file, or a model on the hub')
    .addOption(new Option('--format <format>', 'what to write').choices(['gguf', 'safetensors']).makeOptionMandatory())
    .option(
      '--type <type>',
      'gguf: f16 (default), f32, bf16, q8_0, q4_0, q4_1; safetensors: keep (default), f32, f16, bf16',
    )
    .requiredOption('--out <path>', 'the .gguf file, or the folder for safetensors')
    .action(async (name: string, { json, ...values }: ExportValues) => {
      const checkpoint = await import('../../checkpoint/index.ts')
      const result = await interruptible((signal) =>
        withProgress(async (progress) => {
          const path = await checkpoint.locateCheckpoint(name, {
            signal,
            onProgress: ({ file, done, total }) => progress(formatTransfer(file, done, total)),
          })
          return checkpoint.exportCheckpoint(path, {
            ...values,
            signal,
            onProgress: (done, total) => progress(formatTransfer(values.out, done, total)),
          })
        }),
      )
      printResult(result, json, format)
    })
}
