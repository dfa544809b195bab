/** What machine this is, and how busy others keep it. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'

/** Cores' worth of others' work up to which the machine counts as quiet. */
export const QUIET_CORES = 0.1
const TICKS_PER_SECOND = 100 // USER_HZ, fixed in the kernel's interface to user space
const FEATURES = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'amx_tile',
  'amx_bf16',
  'amx_int8',
]
const ARM_FEATURES = ['asimd', 'asimddp', 'bf16', 'i8mm', 'sve', 'sve2']

export function describeMachine() {
  const info = procFile('/proc/cpuinfo')
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1].split(/\s+/) ?? [])
  const number = (name) => Number(new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(info)?.[1]) || undefined
  return {
    cpu: cpus()[0].model,
    family: number('cpu family'),
    model: number('model'),
    cores: availableParallelism(),
    features: [...FEATURES, ...ARM_FEATURES].filter((name) => flags.has(name)),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  }
}

/** Seconds of processor time spent by all processes, and by the hypervisor's other guests, since the start. */
export function machineBusySeconds() {
  const fields = /^cpu +(.*)$/m.exec(procFile('/proc/stat'))?.[1].split(' ').map(Number)
  if (!fields) return 0
  const [user, nice, system, , , interrupt, softInterrupt, stolen] = fields
  return (user + nice + system + interrupt + softInterrupt + stolen) / TICKS_PER_SECOND
}

/**
 * Waits until the whole machine is idle for half a second (nobody's turn is running), or `seconds` have passed.
 * @param {number} seconds
 */
export async function waitForQuiet(seconds) {
  const deadline = performance.now() + seconds * 1e3
  while (performance.now() < deadline) {
    const [busy, start] = [machineBusySeconds(), performance.now()]
    await new Promise((resolve) => setTimeout(resolve, 500))
    if ((machineBusySeconds() - busy) / ((performance.now() - start) / 1e3) <= QUIET_CORES) return
  }
}

/** Seconds of processor time spent by one process. */
export function cpuSeconds(pid) {
  const text = procFile(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
}

function procFile(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
