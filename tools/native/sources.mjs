// Which C files make the library, and with which flags: a file's name says where it belongs.
//   *_rows.c     once for every path of the architecture (written against framework/vector.h)
//   *_<path>.c   once, with that path's flags
//   any other    once, with the base flags
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const AVX2 = ['-mavx2', '-mfma', '-mf16c', '-mbmi2']
const AVX512 = [...AVX2, '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mprefer-vector-width=512']
// Every processor with AVX512-BF16 has VNNI too; the path asks for both.
const AVX512BF16 = [...AVX512, '-mavx512bf16', '-mavx512vnni']

/** Compiler flags of each instruction-set path, by architecture. */
export const pathFlags = {
  x64: {
    scalar: [],
    avx2: AVX2,
    avx512: AVX512,
    avx512bf16: AVX512BF16,
    amx: [...AVX512BF16, '-mamx-tile', '-mamx-bf16'],
  },
  arm64: { scalar: [], neon: [] },
}

/** Paths for which row kernels are compiled; the others differ in their matrix instructions only. */
const rowPaths = ['scalar', 'avx2', 'avx512', 'neon']

/** Flags that every file shares. Sums keep their order: no -ffast-math, at compile or at link time. */
export const baseFlags = [
  '-std=gnu11',
  '-O3',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-ffp-contract=on',
  '-fvisibility=hidden',
]

export const warningFlags = ['-Wall', '-Wextra', '-Werror', '-Wno-psabi', '-Wno-missing-field-initializers']

const listC = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.c'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).replaceAll('\\', '/'))
    .sort()

/**
 * The compilations that make the library.
 * @param root folder of the repository's `native`
 * @param architecture `x64` or `arm64`
 * @returns for each object file: its source, its name and its flags beyond `baseFlags`
 */
export function compilations(root, architecture) {
  const paths = pathFlags[architecture]
  const allPaths = Object.values(pathFlags).flatMap((flags) => Object.keys(flags))
  return listC(root)
    .filter((source) => !source.includes('/test/'))
    .flatMap((source) => {
      const stem = source.slice(root.length + 1, -2).replaceAll('/', '-')
      const suffix = stem.slice(stem.lastIndexOf('_') + 1)
      const forPath = (path) => ({
        source,
        object: suffix === 'rows' ? `${stem}_${path}` : stem,
        flags: [...paths[path], `-DR1_PATH=${path}`, `-DR1_PATH_${path.toUpperCase()}=1`],
      })
      if (suffix === 'rows') return rowPaths.filter((path) => path in paths).map(forPath)
      if (allPaths.includes(suffix)) return suffix in paths ? [forPath(suffix)] : []
      return [{ source, object: stem, flags: [] }]
    })
}
