import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { openCheckpoint } from '../../checkpoint/open.ts'
import { NDArray } from '../../runtime/array.ts'
import { type LoadedModel, loadModel } from '../load.ts'

const root = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** A tiny random model of a family and what the reference implementation computes with it. */
export interface Fixture {
  /** The folder's name. */
  readonly name: string
  readonly family: string
  readonly variant: string
  /** What is special about the configuration. */
  readonly notes: string
}

/** The fixtures, by name. */
export function fixtures(): readonly Fixture[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(root + entry.name).includes('model.safetensors'))
    .map(({ name }) => ({ name, ...JSON.parse(readFileSync(`${root}${name}/reference.json`, 'utf8')) }))
}

/** What the reference computed, by name. */
export class Reference {
  private readonly checkpoint: Checkpoint

  constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint
  }

  get names(): readonly string[] {
    return [...this.checkpoint.tensors.keys()]
  }

  async floats(name: string): Promise<Float32Array> {
    return this.checkpoint.readFloat32(name)
  }

  async integers(name: string): Promise<NDArray<'i64'>> {
    const { shape = [], dtype } = this.checkpoint.tensors.get(name) ?? {}
    const array = NDArray.zeros(shape, 'i64')
    if (dtype === 'I64') await this.checkpoint.read(name, array.bytes)
    else array.data.set([...(await this.floats(name))].map(BigInt))
    return array
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.checkpoint.close()
  }
}

/** Loads a fixture's model. */
export async function loadFixture({ name }: Fixture): Promise<LoadedModel> {
  await using checkpoint = await openCheckpoint(`${root}${name}/model.safetensors`)
  return await loadModel(checkpoint)
}

export async function openReference({ name }: Pick<Fixture, 'name'>): Promise<Reference> {
  return new Reference(await openCheckpoint(`${root}${name}/reference.safetensors`))
}
