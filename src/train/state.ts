import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { openSafetensorsFile } from '../checkpoint/safetensors/read.ts'
import { writeSafetensors } from '../checkpoint/safetensors/write.ts'
import { tensorOfBytes } from '../checkpoint/writable.ts'
import type { Json } from '../data/index.ts'
import { R1Error } from '../errors.ts'
import { NDArray } from '../runtime/array.ts'
import type { Variables } from '../runtime/variables.ts'

/*
 * The state of a run is one safetensors file: parameters, moments and averages as tensors, all else as JSON in its
 * metadata. One file is replaced at once, so after any death there is the old state or the new one, never a mixture.
 */

const version = '1'

const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(json), z.record(z.string(), json)]),
)

/**
 * Writes a run's state.
 *
 * @param names of the variables to keep; those that do not exist yet are left out
 * @throws R1Error `disk-full`, `file-failure`
 */
export async function writeState(
  path: string,
  variables: Variables,
  names: Iterable<string>,
  progress: Json,
): Promise<void> {
  const tensors = [...names].flatMap((name) => {
    const array = variables.get(name)
    return array ? [tensorOfBytes(name, 'F32', array.shape, array.bytes)] : []
  })
  await mkdir(dirname(path), { recursive: true })
  await writeSafetensors(path, tensors, { metadata: { version, progress: JSON.stringify(progress) } })
}

/**
 * Reads a run's state: the tensors go into `variables`, over those that are there.
 *
 * @returns what `writeState` was given as progress
 * @throws R1Error `file-not-found`, `bad-state`, `variable-mismatch`
 */
export async function readState(path: string, variables: Variables): Promise<Json> {
  await using file = await openSafetensorsFile(path)
  const found = file.metadata.get('progress')
  if (file.metadata.get('version') !== version || typeof found !== 'string')
    throw badState(path, 'is no state of a run')
  for (const { name, shape } of file.tensors.values()) {
    const known = variables.get(name)
    if (known && known.shape.join() !== shape.join()) {
      throw badState(path, `holds ${name} as [${shape}], but the model has [${known.shape}]`)
    }
    const array = known ?? NDArray.zeros(shape)
    await file.read(name, array.bytes)
    variables.set(name, array)
  }
  try {
    return json.parse(JSON.parse(found))
  } catch (error) {
    throw badState(path, 'holds progress that cannot be read', error)
  }
}

function badState(path: string, problem: string, cause?: unknown): R1Error {
  return new R1Error('bad-state', `${path} ${problem}.`, {
    remedy: 'Start the stage again without --resume, or give the recipe this state belongs to.',
    cause,
  })
}
