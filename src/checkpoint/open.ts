import { readdir, stat } from 'node:fs/promises'
import { R1Error } from '../errors.ts'
import { openFileSource, readBytes } from './bytes/source.ts'
import type { Checkpoint } from './checkpoint.ts'
import { fileFailure } from './failure.ts'
import { resolveInFolder } from './folder.ts'
import { openGguf } from './gguf/open.ts'
import { openTorchFile, openTorchIndex } from './pytorch/open.ts'
import { openSafetensorsFile, openSafetensorsIndex } from './safetensors/read.ts'

/** What to look for in a folder, best first. */
const folderOpeners: readonly (readonly [name: string, open: (folder: string, name: string) => Promise<Checkpoint>])[] =
  [
    ['model.safetensors', async (folder, name) => openSafetensorsFile(await resolveInFolder(folder, name))],
    ['model.safetensors.index.json', openSafetensorsIndex],
    ['pytorch_model.bin', async (folder, name) => openTorchFile(await resolveInFolder(folder, name))],
    ['pytorch_model.bin.index.json', openTorchIndex],
  ]

function nothingFound(folder: string, names: readonly string[]): R1Error {
  const adapter = names.includes('adapter_config.json')
  const what = adapter ? 'holds an adapter, not a model' : 'holds no weights'
  return new R1Error('file-not-found', `${folder} ${what}.`, {
    remedy: adapter
      ? 'Open the model it was trained on and apply the adapter.'
      : 'Give a folder with model.safetensors, a .gguf file or pytorch_model.bin.',
  })
}

async function openFolder(folder: string): Promise<Checkpoint> {
  const names = await readdir(folder)
  for (const [name, open] of folderOpeners) {
    if (names.includes(name)) return open(folder, name)
  }
  const ggufs = names.filter((name) => name.endsWith('.gguf'))
  const [only] = ggufs
  if (only === undefined) throw nothingFound(folder, names)
  if (ggufs.length === 1) return openGguf(await resolveInFolder(folder, only))
  throw new R1Error('ambiguous-checkpoint', `${folder} holds several GGUF files: ${ggufs.join(', ')}.`, {
    remedy: 'Give the path of one of them.',
  })
}

/** Tells the format by the file's first bytes; its name may say anything. */
async function openFile(path: string): Promise<Checkpoint> {
  const source = await openFileSource(path)
  const start = await readBytes(source, 0, Math.min(9, source.size)).finally(() => source.close())
  const text = String.fromCharCode(...start)
  if (text.startsWith('GGUF')) return openGguf(path)
  // The length of a safetensors header may begin with any byte, those of the other formats too.
  if (/^.{4}\0{4}\{/s.test(text)) return openSafetensorsFile(path)
  if (text.startsWith('PK') || start[0] === 0x80) return openTorchFile(path)
  return openSafetensorsFile(path)
}

/**
 * Opens a checkpoint: a Hugging Face folder, or one .safetensors, .gguf or .bin file. Only headers are read.
 *
 * @throws R1Error 'file-not-found', 'bad-checkpoint', 'unsupported-checkpoint', 'unsafe-path', 'ambiguous-checkpoint'
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  try {
    const status = await stat(path)
    return status.isDirectory() ? await openFolder(path) : await openFile(path)
  } catch (error) {
    throw fileFailure(path, error)
  }
}
