import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform } from 'node:os'
import { promisify } from 'node:util'
import type { Finding } from './finding.ts'

export interface ProcessorFacts {
  model: string
  architecture: string
  /** Hardware threads this process may run on. */
  cores: number
  /** Instruction sets that the kernels can use, by the names below; null where the system does not tell. */
  features: string[] | null
}

/** Names of Linux's /proc/cpuinfo and of macOS's sysctl for the instruction sets that matter here, by our name. */
const featureNames: Readonly<Record<string, readonly string[]>> = {
  avx2: ['avx2'],
  fma: ['fma'],
  avx512: ['avx512f'],
  'avx512-vnni': ['avx512_vnni', 'avx512vnni'],
  'avx512-bf16': ['avx512_bf16'],
  'avx-vnni': ['avx_vnni'],
  'amx-bf16': ['amx_bf16'],
  'amx-int8': ['amx_int8'],
  neon: ['asimd', 'hw.optional.neon', 'hw.optional.advsimd'],
  dotprod: ['asimddp', 'hw.optional.arm.feat_dotprod'],
  i8mm: ['i8mm', 'hw.optional.arm.feat_i8mm'],
  bf16: ['bf16', 'hw.optional.arm.feat_bf16'],
  sve: ['sve'],
  sme: ['sme', 'hw.optional.arm.feat_sme'],
}

/** Looks at the processor: its name, its cores and the instruction sets that kernels can use. */
export async function examineProcessor(): Promise<Finding<ProcessorFacts>> {
  const model = cpus()[0]?.model.trim() || 'unknown model'
  const features = await readFeatures()
  const facts = { model, architecture: arch(), cores: availableParallelism(), features }
  const list = features === null ? 'instruction sets unknown' : features.join(' ') || 'no vector instructions known'
  return {
    status: 'good',
    summary: `${model} · ${facts.cores} ${facts.cores === 1 ? 'core' : 'cores'} · ${list}`,
    facts,
  }
}

/** Picks the instruction sets that matter out of the words that the system uses for them. */
export function knownFeatures(words: ReadonlySet<string>): string[] {
  return Object.keys(featureNames).filter((name) => featureNames[name]?.some((word) => words.has(word)))
}

/** The flags of the first processor in the text of /proc/cpuinfo. */
export function cpuinfoFlags(text: string): Set<string> {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? ''
  return new Set(line.trim().split(/\s+/))
}

/** The options that are 1 in the output of `sysctl hw.optional machdep.cpu`, and the flags of Intel processors. */
export function sysctlFlags(text: string): Set<string> {
  const flags = new Set<string>()
  for (const line of text.toLowerCase().split('\n')) {
    const [name = '', value = ''] = line.split(': ')
    if (value === '1') flags.add(name)
    if (name.startsWith('machdep.cpu.') && name.endsWith('features')) {
      for (const flag of value.split(' ')) flags.add(flag)
    }
  }
  return flags
}

async function readFeatures(): Promise<string[] | null> {
  try {
    if (platform() === 'linux') return knownFeatures(cpuinfoFlags(await readFile('/proc/cpuinfo', 'utf8')))
    if (platform() === 'darwin') {
      const { stdout } = await promisify(execFile)('sysctl', ['hw.optional', 'machdep.cpu'])
      return knownFeatures(sysctlFlags(stdout))
    }
  } catch {
    // A sandbox may hide both: then the system does not tell.
  }
  return null
}
