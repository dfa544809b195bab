import { stat } from 'node:fs/promises'
import { R1Error } from '../../errors.ts'
import { shippedModel } from '../shipped.ts'
import { isHubId } from './names.ts'
import type { PullOptions } from './pull.ts'

/**
 * The path of a checkpoint that a user names: a folder or file as it is, a hub id after fetching what is missing.
 *
 * @throws R1Error 'file-not-found' and what {@link pull} throws
 */
export async function locateCheckpoint(name: string, options: PullOptions = {}): Promise<string> {
  if (await stat(name).catch(() => undefined)) return name
  const shipped = shippedModel(name)
  if (shipped !== undefined) return shipped
  if (isHubId(name) && name.includes('/') && !/\.(gguf|safetensors|bin)$/.test(name))
    return (await pullFromHub(name, options)).path
  throw new R1Error('file-not-found', `There is no file or folder ${name}, and it is no id of a model on the hub.`, {
    remedy: 'Check the path, or give an id such as owner/name.',
  })
}

/** What speaks to the hub is loaded only for a model that is there. */
async function pullFromHub(name: string, options: PullOptions) {
  const { pull } = await import('./pull.ts')
  return await pull(name, options)
}
