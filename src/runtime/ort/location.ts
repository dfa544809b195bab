import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { R1Error } from '../../errors.ts'

/** What the shared library is called on each platform. */
const fileNames: Readonly<Record<string, RegExp>> = {
  linux: /^libonnxruntime\.so(\.\d+)*$/,
  darwin: /^libonnxruntime(\.\d+)*\.dylib$/,
  win32: /^onnxruntime\.dll$/,
}

const remedy =
  "Run 'npm install onnxruntime-node', or set R1_ONNXRUNTIME to the path of libonnxruntime (1.24 or newer)."

/** Folder of the installed package `onnxruntime-node`, or undefined. */
function packageFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  } catch {
    return undefined
  }
}

/**
 * Path of the ONNX Runtime library: what `R1_ONNXRUNTIME` names, else the one that the package `onnxruntime-node` ships for
 * this platform.
 *
 * @throws R1Error `runtime-missing`
 */
export function locateRuntime(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment.R1_ONNXRUNTIME
  if (chosen) {
    if (existsSync(chosen)) return resolve(chosen)
    throw new R1Error('runtime-missing', `R1_ONNXRUNTIME names ${chosen}, which does not exist.`, {
      remedy: 'Unset it or set it to the path of libonnxruntime.',
    })
  }
  const folder = packageFolder()
  if (folder === undefined) throw new R1Error('runtime-missing', 'ONNX Runtime is not installed.', { remedy })
  const binaries = join(folder, 'bin')
  const pattern = fileNames[process.platform]
  for (const interfaceVersion of existsSync(binaries) ? readdirSync(binaries) : []) {
    const platformFolder = join(binaries, interfaceVersion, process.platform, process.arch)
    const file = pattern && existsSync(platformFolder) && readdirSync(platformFolder).find((name) => pattern.test(name))
    if (file) return join(platformFolder, file)
  }
  throw new R1Error('runtime-missing', `onnxruntime-node has no library for ${process.platform}-${process.arch}.`, {
    remedy,
  })
}
