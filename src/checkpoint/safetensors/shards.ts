import { badCheckpoint } from '../failure.ts'
import { checkFileName } from '../folder.ts'
import { isRecord } from '../json.ts'

/** `model.safetensors.index.json`: which file holds which tensor. */
export interface ShardIndex {
  /** File name of each tensor. */
  readonly files: ReadonlyMap<string, string>
  /** The distinct file names, in order of first mention. */
  readonly shards: readonly string[]
}

/** Most files a checkpoint may be split into; the largest known has under 200. */
const shardLimit = 4096

/**
 * Checks a shard index.
 *
 * @param index the parsed JSON
 * @param file what error messages call it
 * @throws R1Error 'bad-checkpoint', 'unsafe-path'
 */
export function readShardIndex(index: Readonly<Record<string, unknown>>, file: string): ShardIndex {
  const map = index.weight_map
  if (!isRecord(map)) throw badCheckpoint(file, 'it has no weight_map')
  const files = new Map<string, string>()
  const shards = new Set<string>()
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== 'string') throw badCheckpoint(file, `the tensor ${JSON.stringify(tensor)} has no file name`)
    files.set(tensor, name)
    shards.add(name)
    if (shards.size > shardLimit) throw badCheckpoint(file, `it names more than ${shardLimit} files`)
  }
  for (const name of shards) checkFileName(name)
  return { files, shards: [...shards] }
}

/** What a shard holds of `names`, in order. */
export interface ShardPlan<T> {
  readonly tensors: T[]
  byteLength: number
}

/** Splits tensors, kept in order, into files of at most `limit` bytes each; one larger tensor gets a file of its own. */
export function planShards<T extends { readonly byteLength: number }>(
  tensors: Iterable<T>,
  limit: number,
): ShardPlan<T>[] {
  const plans: ShardPlan<T>[] = [{ tensors: [], byteLength: 0 }]
  for (const tensor of tensors) {
    let plan = plans.at(-1) as ShardPlan<T>
    if (plan.tensors.length > 0 && plan.byteLength + tensor.byteLength > limit) {
      plan = { tensors: [], byteLength: 0 }
      plans.push(plan)
    }
    plan.tensors.push(tensor)
    plan.byteLength += tensor.byteLength
  }
  return plans
}

/** The file name of shard `index` of `count`, as Hugging Face numbers them. */
export function shardName(index: number, count: number): string {
  if (count === 1) return 'model.safetensors'
  const digits = (number: number) => String(number).padStart(5, '0')
  return `model-${digits(index + 1)}-of-${digits(count)}.safetensors`
}
