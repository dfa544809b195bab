import { type Command, InvalidArgumentError } from 'commander'
import type { Estimate, Inspection } from '../../checkpoint/index.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { formatBytes, formatCount, formatTransfer } from '../sizes.ts'
import { createVerb, printResult } from '../verb.ts'

interface InspectValues {
  json?: boolean
  estimate?: boolean
  context?: number
}

interface Report {
  inspection: Inspection
  estimate: Estimate | undefined
}

function parseContext(text: string): number {
  const context = Number(text)
  if (Number.isInteger(context) && context > 0 && context <= 2 ** 30) return context
  throw new InvalidArgumentError('It must be a whole number of tokens.')
}

function formatKind({ modelType, className, format }: Inspection): string {
  return `${className ?? modelType ?? 'unknown'} (${format})`
}

function formatParameters({ parameters, activeParameters, dtypes }: Inspection): string {
  const active = activeParameters < parameters ? `, ${formatCount(activeParameters)} of them active for a token` : ''
  const types = Object.entries(dtypes).map(([dtype, count]) => `${dtype} ${formatCount(count)}`)
  return `${formatCount(parameters)}${active} (${types.join(', ')})`
}

function formatShape({ layers, hiddenSize, vocabularySize, contextLength }: Inspection): string {
  const parts = [
    layers !== undefined && `${layers} layers`,
    hiddenSize !== undefined && `width ${hiddenSize}`,
    vocabularySize !== undefined && `${vocabularySize} tokens known`,
    contextLength !== undefined && `context ${contextLength}`,
  ]
  return parts.filter((part) => part !== false).join(', ') || 'no config.json'
}

function formatLineage({ lineage }: Inspection): string {
  if (!lineage) return 'none stated'
  return `${lineage.stage}${lineage.parent ? ` of ${lineage.parent.name}` : ''}`
}

function formatInspection(inspection: Inspection): string[] {
  const { memory, storedBytes, tensors, chatTemplate, tokenizer, licence } = inspection
  const sizes = Object.entries(memory).map(([precision, bytes]) => `${precision} ${formatBytes(bytes)}`)
  const rows: [string, string][] = [
    ['model', formatKind(inspection)],
    ['shape', formatShape(inspection)],
    ['parameters', formatParameters(inspection)],
    ['stored', `${formatBytes(storedBytes)} in ${tensors} tensors`],
    ['memory', sizes.join(', ')],
    ['tokenizer', tokenizer ?? 'none'],
    ['chat', chatTemplate ? 'has a chat template' : 'has no chat template'],
    ['licence', licence ?? 'none stated'],
    ['lineage', formatLineage(inspection)],
  ]
  return [inspection.path, ...rows.map(([name, value]) => `  ${name.padEnd(11)} ${value}`)]
}

function formatEstimate({ bandwidth, context, precisions, formula }: Estimate): string[] {
  const rows = precisions.map(({ precision, memory, tokensPerSecond }) => {
    const start = `  ${precision.padEnd(11)} ${formatBytes(memory).padEnd(10)}`
    if (tokensPerSecond === undefined) return start.trimEnd()
    const speed = tokensPerSecond >= 10 ? Math.round(tokensPerSecond) : tokensPerSecond.toPrecision(2)
    return `${start} at most ${speed} tokens/s`
  })
  const head = `On this machine, whose memory gives ${formatBytes(bandwidth)}/s, with a context of ${context}:`
  return ['', head, ...rows, `  (${formula})`]
}

function format({ inspection, estimate }: Report): string {
  return [...formatInspection(inspection), ...(estimate ? formatEstimate(estimate) : [])].join('\n')
}

function forPrograms({ inspection, estimate }: Report): unknown {
  const { modelType, className, activeParameters, storedBytes, hiddenSize, vocabularySize, contextLength, ...rest } =
    inspection
  return {
    ...rest,
    model_type: modelType,
    class_name: className,
    active_parameters: activeParameters,
    stored_bytes: storedBytes,
    hidden_size: hiddenSize,
    vocabulary_size: vocabularySize,
    context_length: contextLength,
    ...(estimate && {
      estimate: {
        bandwidth_bytes_per_second: estimate.bandwidth,
        context: estimate.context,
        cache_bytes_per_token: estimate.cacheBytesPerToken,
        precisions: estimate.precisions.map(({ precision, memory, tokensPerSecond }) => ({
          precision,
          memory_bytes: memory,
          tokens_per_second_at_most: tokensPerSecond ?? null,
        })),
        formula: estimate.formula,
      },
    }),
  }
}

/** `r1 inspect <checkpoint>`: tells what a checkpoint is and what it needs. */
export function inspect(): Command {
  return createVerb({
    name: 'inspect',
    summary: 'Tell what a checkpoint is: architecture, parameters, memory, chat template, licence.',
    examples: [
      ['r1 inspect ./checkpoints/mine', 'a folder'],
      ['r1 inspect model.gguf --estimate', 'with the memory and speed to expect on this machine'],
      ['r1 inspect owner/name --json', 'a model on the hub, for programs'],
    ],
  })
    .argument('<checkpoint>', 'a folder, a .safetensors, .gguf or .bin file, or a model on the hub')
    .option('--estimate', 'measure this machine’s memory and estimate memory and speed')
    .option('--context <tokens>', 'tokens of context to count in the estimate', parseContext)
    .action(async (name: string, { json, estimate, context }: InspectValues) => {
      const checkpoint = await import('../../checkpoint/index.ts')
      const report = await interruptible((signal) =>
        withProgress(async (progress): Promise<Report> => {
          const path = await checkpoint.locateCheckpoint(name, {
            signal,
            onProgress: ({ file, done, total }) => progress(formatTransfer(file, done, total)),
          })
          const { inspection, config } = await checkpoint.inspectCheckpoint(path)
          if (!estimate) return { inspection, estimate: undefined }
          progress('measuring the memory')
          const bandwidth = await checkpoint.measureBandwidth()
          return { inspection, estimate: checkpoint.estimate(inspection, config, bandwidth, context) }
        }),
      )
      printResult(json ? forPrograms(report) : report, json, () => format(report))
    })
}
