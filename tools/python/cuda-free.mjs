/**
 * Makes PyPI's Linux x64 wheel of torch (a CUDA build) importable without the NVIDIA packages.
 *
 * The wheel's libraries name fourteen CUDA libraries that the loader must find although a CPU run never calls them.
 * For each one an empty library is compiled that defines the wanted symbols; every function answers 100
 * (cudaErrorNoDevice), so `torch.cuda.is_available()` is false and everything else is torch as published.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CUDA_LIBRARY = /^lib(cuda|cudart|cu[a-zA-Z]+|nccl|nv[a-z_]+)\.so/
const CUDA_FUNCTION = /^(cu|nccl|nvshmem|nvrtc)[A-Za-z]/

/** @param {string} libraries torch's folder of shared libraries */
export function standInForCuda(libraries) {
  const present = readdirSync(libraries).filter((name) => /\.so(\.|$)/.test(name))
  const missing = new Set(
    present
      .flatMap((name) => needed(join(libraries, name)))
      .filter((name) => CUDA_LIBRARY.test(name) && !existsSync(join(libraries, name))),
  )
  if (missing.size === 0) return

  /** symbols by version name; '' for symbols without one @type {Map<string, Set<string>>} */
  const wanted = new Map()
  for (const name of present) {
    for (const { symbol, version } of undefinedSymbols(join(libraries, name))) {
      if (!missing.has(version) && version !== 'NVSHMEM' && !(version === '' && CUDA_FUNCTION.test(symbol))) continue
      wanted.set(version, (wanted.get(version) ?? new Set()).add(symbol))
    }
  }
  const scratch = mkdtempSync(join(tmpdir(), 'cuda-free-'))
  try {
    for (const name of missing) {
      // A lookup without a version may be answered by any loaded library: NCCL's is loaded by all that ask.
      const version = name.startsWith('libnccl') ? '' : name.startsWith('libnvshmem') ? 'NVSHMEM' : name
      compile(join(libraries, name), name, version, wanted.get(version) ?? new Set(), scratch)
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function compile(path, name, version, symbols, scratch) {
  const source = [...symbols].map((symbol) =>
    /String$|ErrorName$/.test(symbol)
      ? `const char *${symbol}(void) { return "no CUDA here"; }`
      : `long ${symbol}(void) { return 100; }`,
  )
  writeFileSync(join(scratch, 'empty.c'), `${source.join('\n')}\ntypedef int not_empty;\n`)
  writeFileSync(join(scratch, 'empty.map'), `${version} { global: *; };\n`)
  const versioned = version === '' ? [] : [`-Wl,--version-script=${join(scratch, 'empty.map')}`]
  const options = ['-shared', '-fPIC', '-fno-builtin', '-w', `-Wl,-soname,${name}`, ...versioned]
  execFileSync('cc', [...options, '-o', path, join(scratch, 'empty.c')], { stdio: ['ignore', 'inherit', 'inherit'] })
}

function needed(library) {
  const text = execFileSync('readelf', ['-dW', library], { encoding: 'utf8', maxBuffer: 1 << 28 })
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1])
}

function undefinedSymbols(library) {
  const text = execFileSync('nm', ['-D', '--undefined-only', library], { encoding: 'utf8', maxBuffer: 1 << 28 })
  return text.split('\n').flatMap((line) => {
    const match = /^\s*[Uw] ([^@\s]+)(?:@+(\S+))?/.exec(line)
    return match ? [{ symbol: match[1], version: match[2] ?? '' }] : []
  })
}
