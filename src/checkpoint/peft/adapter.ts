import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { writeJson } from '../atomic.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { checkJson } from '../config.ts'
import { badCheckpoint } from '../failure.ts'
import { resolveInFolder } from '../folder.ts'
import { readJsonObject } from '../json.ts'
import { openSafetensorsFile } from '../safetensors/read.ts'
import { writeSafetensors } from '../safetensors/write.ts'
import { tensorOfFloat32, type WritableTensor } from '../writable.ts'
import { type AdapterConfig, adapterConfigSchema, adapterScale, readAdapterConfig } from './config.ts'

/** The two factors of one module's change: W + scale · B A. */
export interface LowRankFactors {
  /** The module's name in the model, such as `model.layers.0.self_attn.q_proj`. */
  readonly module: string
  /** [rank, inputs]. */
  readonly a: Float32Array
  /** [outputs, rank]. */
  readonly b: Float32Array
  readonly rank: number
  readonly inputs: number
  readonly outputs: number
  readonly scale: number
  /** The model keeps this layer's weight as [inputs, outputs], as GPT-2 does. */
  readonly transposed?: boolean
}

/** An adapter: its settings, and its factors by the name of the module they belong to. */
export interface Adapter {
  readonly config: AdapterConfig
  readonly factors: ReadonlyMap<string, LowRankFactors>
}

const configName = 'adapter_config.json'
const weightsName = 'adapter_model.safetensors'
const factorName = /^base_model\.model\.(.+)\.lora_(A|B|embedding_A|embedding_B)(?:\.default)?(?:\.weight)?$/

async function readFactors(checkpoint: Checkpoint, module: string, a: string, b: string, config: AdapterConfig) {
  const [rank, inputs] = checkpoint.tensors.get(a)?.shape ?? []
  const [outputs, bRank] = checkpoint.tensors.get(b)?.shape ?? []
  if (!rank || !inputs || !outputs || rank !== bRank) {
    throw badCheckpoint(checkpoint.path, `the factors of ${module} do not fit together`)
  }
  const factors: LowRankFactors = {
    module,
    a: await checkpoint.readFloat32(a),
    b: await checkpoint.readFloat32(b),
    rank,
    inputs,
    outputs,
    scale: adapterScale(config, module),
    ...(config.fan_in_fan_out && { transposed: true }),
  }
  return factors
}

/**
 * Reads a LoRA adapter in PEFT's layout.
 *
 * @throws R1Error 'file-not-found', 'bad-checkpoint', 'unsupported-checkpoint'
 */
export async function readAdapter(folder: string): Promise<Adapter> {
  const configPath = await resolveInFolder(folder, configName)
  const config = readAdapterConfig(await readJsonObject(configPath), configPath)
  await using checkpoint = await openSafetensorsFile(await resolveInFolder(folder, weightsName))
  const names = new Map<string, { A?: string; B?: string }>()
  for (const name of checkpoint.tensors.keys()) {
    const [, module, side] = factorName.exec(name) ?? []
    if (module === undefined || (side !== 'A' && side !== 'B')) {
      throw badCheckpoint(checkpoint.path, `the tensor ${name} is no factor of a linear layer`)
    }
    names.set(module, { ...names.get(module), [side]: name })
  }
  const factors = new Map<string, LowRankFactors>()
  for (const [module, { A, B }] of names) {
    if (A === undefined || B === undefined) throw badCheckpoint(checkpoint.path, `${module} has only one factor`)
    factors.set(module, await readFactors(checkpoint, module, A, B, config))
  }
  return { config, factors }
}

/**
 * Writes a LoRA adapter in PEFT's layout; other libraries load it.
 *
 * @param factors their scale is what the config says, not what they carry
 * @throws R1Error 'bad-checkpoint' where the config is wrong, 'shape-mismatch', 'disk-full'
 */
export async function writeAdapter(
  folder: string,
  config: z.input<typeof adapterConfigSchema>,
  factors: Iterable<Omit<LowRankFactors, 'scale'>>,
): Promise<void> {
  const checked = checkJson(adapterConfigSchema, config, configName)
  const tensors: WritableTensor[] = []
  for (const { module, a, b, rank, inputs, outputs } of factors) {
    const name = (side: string) => `base_model.model.${module}.lora_${side}.weight`
    tensors.push(tensorOfFloat32(name('A'), 'F32', [rank, inputs], a))
    tensors.push(tensorOfFloat32(name('B'), 'F32', [outputs, rank], b))
  }
  await mkdir(folder, { recursive: true })
  await writeSafetensors(join(folder, weightsName), tensors)
  await writeJson(join(folder, configName), { ...checked, inference_mode: true })
}
