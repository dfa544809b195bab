import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'

/** What tells one process from all others that ever were: numbers of processes are used again. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, as the system writes it. */
  readonly started: string
  /** The machine, its start and the name space of process numbers, within which `pid` means something. */
  readonly space: string
}

/** When a process started, or undefined where none runs; one that was killed and waits for its parent does not run. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    // The name in parentheses may hold anything; state is the first field after it, the start the twentieth.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields && !['Z', 'X', 'x'].includes(fields[0] ?? '') ? fields[19] : undefined
  }
  if (process.platform === 'win32') return runs(pid) ? '' : undefined
  const found = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined)
  return found?.stdout.trim() || undefined
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function spaceOfProcesses(): Promise<string> {
  if (process.platform !== 'linux') return hostname()
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const names = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${boot.trim()} ${names}`
}

/** Who this process is. */
export async function identify(): Promise<ProcessIdentity> {
  const [started, space] = await Promise.all([startOf(process.pid), spaceOfProcesses()])
  return { pid: process.pid, started: started ?? '', space }
}

/**
 * Whether a process runs; undefined where this cannot be seen: on another machine, in another container, and on Windows,
 * which does not tell here when a process started.
 */
export async function isRunning({ pid, started, space }: ProcessIdentity): Promise<boolean | undefined> {
  if (space !== (await spaceOfProcesses())) return undefined
  const start = await startOf(pid)
  if (start === undefined) return false
  return start === '' ? undefined : start === started
}
