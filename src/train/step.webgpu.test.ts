import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { modelOf } from '../models/families.ts'
import type { Device } from '../runtime/device.ts'
import { Variables } from '../runtime/variables.ts'
import { windowBatch } from './batch.ts'
import { nextToken } from './objectives/next-token.ts'
import { TrainingStep } from './step.ts'

const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'
const present = existsSync(swiftShader) || process.env.VK_DRIVER_FILES !== undefined
if (!present)
  console.log(
    `Training on WebGPU is not tested: install Debian's chromium, whose ${swiftShader} runs it without a GPU.`,
  )
process.env.VK_DRIVER_FILES ??= swiftShader

const model = modelOf({
  model_type: 'llama',
  vocab_size: 96,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 64,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
})
const [batch, length, steps] = [2, 16, 6]
const folder = mkdtempSync(join(tmpdir(), 'r1-profile-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface ProfileEvent {
  readonly cat: string
  readonly name: string
  readonly args?: { readonly provider?: string; readonly op_name?: string }
}

/** Losses on a device, and which operators ran on which provider. */
async function train(device: Device): Promise<{ losses: number[]; providers: Map<string, Set<string>> }> {
  const tokens = BigInt64Array.from({ length: batch * length }, (_, at) => BigInt((at * at * 7) % 96))
  const window = windowBatch(tokens, tokens.toReversed(), [batch, length])
  using variables = new Variables(5, device)
  const options = { device, kernels: false, profile: join(folder, device) }
  using step = new TrainingStep({ model, variables }, nextToken, options)
  const losses: number[] = []
  for (let index = 1; index <= steps; index++) {
    const { loss } = await step.run(window, { index: 0, of: 1, weight: batch * length }, index, 3e-3)
    losses.push(loss / (batch * length))
  }
  const events = step.endProfiling().flatMap((path) => JSON.parse(readFileSync(path, 'utf8')) as ProfileEvent[])
  const providers = new Map<string, Set<string>>()
  for (const { cat, args } of events) {
    if (cat !== 'Node' || !args?.provider || !args.op_name) continue
    providers.set(args.provider, (providers.get(args.provider) ?? new Set()).add(args.op_name))
  }
  return { losses, providers }
}

describe.runIf(present)('a training step on WebGPU', () => {
  it('has the loss curve of the CPU, and its state never leaves the device', async () => {
    const [host, device] = [await train('cpu'), await train('webgpu')]
    for (const [at, loss] of host.losses.entries()) expect(device.losses[at]).toBeCloseTo(loss, 4)
    expect(device.losses.at(-1)).toBeLessThan(device.losses[0] as number)
    expect([...device.providers.keys()]).toEqual(['WebGpuExecutionProvider'])
    const operators = device.providers.get('WebGpuExecutionProvider') as Set<string>
    expect(operators.has('MatMul')).toBe(true)
    expect([...operators].filter((name) => name.startsWith('Memcpy'))).toEqual([])
  })
})
