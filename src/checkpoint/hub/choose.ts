import { R1Error } from '../../errors.ts'
import type { HubFile } from './listing.ts'

const texts = /^[^/]+\.(json|txt|jinja|md)$|^(LICENSE|LICENCE|NOTICE)[^/]*$|^tokenizer\.model$/
const safetensors = /^(model|adapter_model)[^/]*\.safetensors$/
const torchFiles = /^(pytorch_model|adapter_model)[^/]*\.bin$/
const ggufs = /^[^/]+\.gguf$/

/** True for a path that a pattern with `*` names. */
function matches(path: string, pattern: string): boolean {
  const pieces = pattern.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${pieces.join('.{0,1024}')}$`, 's').test(path)
}

function onlyGguf(files: readonly HubFile[]): HubFile[] {
  const found = files.filter((file) => ggufs.test(file.path))
  if (found.length < 2) return found
  const names = found.map((file) => file.path)
  throw new R1Error(
    'ambiguous-checkpoint',
    `The model comes in ${names.length} GGUF files: ${names.slice(0, 12).join(', ')}.`,
    {
      remedy: 'Choose one with --include.',
    },
  )
}

/**
 * The files that are needed of a model: its texts and the weights in one format, safetensors rather than the others.
 * Only the files at the top are considered, since folders hold other formats.
 *
 * @param include patterns that replace this choice: names in which `*` stands for anything
 * @throws R1Error 'file-not-found', 'ambiguous-checkpoint'
 */
export function chooseFiles(files: readonly HubFile[], include: readonly string[] = []): HubFile[] {
  if (include.length > 0) {
    const chosen = files.filter((file) => include.some((pattern) => matches(file.path, pattern)))
    if (chosen.length > 0) return chosen
    throw new R1Error('file-not-found', `No file of the model is called ${include.join(' or ')}.`, {
      remedy: `It has ${files
        .slice(0, 12)
        .map((file) => file.path)
        .join(', ')}.`,
    })
  }
  const chosen = files.filter((file) => texts.test(file.path))
  for (const weights of [
    files.filter((file) => safetensors.test(file.path)),
    files.filter((file) => torchFiles.test(file.path)),
  ]) {
    if (weights.length > 0) return [...chosen, ...weights]
  }
  const weights = onlyGguf(files)
  if (weights.length > 0) return [...chosen, ...weights]
  throw new R1Error('file-not-found', 'The model has no weights that can be read.', {
    remedy: 'Choose one with safetensors, GGUF or pytorch_model.bin.',
  })
}
