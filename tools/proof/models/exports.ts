import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { openCheckpoint } from '../../../src/checkpoint/open.ts'

const command = ['--import', 'tsx', resolve(import.meta.dirname, '../../../src/cli/main.ts')]

/** Runs `r1 export`, as a user would. */
function exportTo(out: string, source: string, format: string, type: string): string {
  const words = ['export', source, '--format', format, '--type', type, '--out', out]
  execFileSync(process.execPath, [...command, ...words], { stdio: ['ignore', 'ignore', 'inherit'] })
  return out
}

/** Tensors of one checkpoint whose bytes differ from another's, and how many there are in all. */
async function differences(left: string, right: string): Promise<{ count: number; different: number }> {
  await using before = await openCheckpoint(left)
  await using after = await openCheckpoint(right)
  const names = new Set([...before.tensors.keys(), ...after.tensors.keys()])
  let different = 0
  for (const name of names) {
    const there = before.tensors.has(name) && after.tensors.has(name)
    if (!there || Buffer.compare(await before.read(name), await after.read(name)) !== 0) different += 1
  }
  return { count: names.size, different }
}

/**
 * Exports a checkpoint to GGUF and back to safetensors in each type that keeps its numbers, and compares bytes: with the
 * original in f32, with the direct export in the shorter types.
 *
 * @returns the folder that came back in f32
 */
export async function proveExports(original: string, work: string): Promise<{ folder: string; good: boolean }> {
  let good = true
  for (const type of ['f32', 'f16', 'bf16']) {
    const direct = exportTo(join(work, `${type}-direct`), original, 'safetensors', type)
    const gguf = exportTo(join(work, `${type}.gguf`), original, 'gguf', type)
    const back = exportTo(join(work, `${type}-back`), gguf, 'safetensors', type)
    const { count, different } = await differences(direct, back)
    const kept = type === 'f32' ? await differences(original, back) : { count, different: 0 }
    const equal = different === 0 && kept.different === 0 && count > 0
    good &&= equal
    console.log(
      `${equal ? 'ok  ' : 'FAIL'} r1 export ${type}: to gguf and back, ${different} of ${count} tensors different`,
    )
  }
  return { folder: join(work, 'f32-back'), good }
}
