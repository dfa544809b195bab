import { R1Error } from '../../errors.ts'
import type { Device } from '../device.ts'

/**
 * Work on a GPU goes one piece at a time: all sessions of a process share one WebGPU context, which is not made for several
 * threads. The CPU takes any number.
 */
const last = new Map<Device, Promise<void>>()
const taken = new Set<Device>()

/** Does blocking work on a device. @throws R1Error `busy` while asynchronous work is under way there */
export function exclusively<Result>(device: Device, work: () => Result): Result {
  if (taken.has(device))
    throw new R1Error('busy', `The device '${device}' is at work on another run.`, {
      remedy: 'Await that run first, or run without blocking.',
    })
  return work()
}

/** Does asynchronous work on a device after all that was asked for before. */
export async function inTurn<Result>(device: Device, work: () => Promise<Result>): Promise<Result> {
  if (device === 'cpu') return work()
  const before = last.get(device)
  const result = (async () => {
    await before
    taken.add(device)
    try {
      return await work()
    } finally {
      taken.delete(device)
    }
  })()
  const settled = result.then(
    () => undefined,
    () => undefined,
  )
  last.set(device, settled)
  return result
}

/** Frees something of a device now, or after the work under way there. */
export function whenIdle(device: Device, free: () => void): void {
  if (taken.has(device)) last.get(device)?.then(free)
  else free()
}
